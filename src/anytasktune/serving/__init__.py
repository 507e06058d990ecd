"""An OpenAI-compatible server on this machine: Task-LMs behind one engine thread.

A request is checked (`api_requests`), its input found in its messages (`input_of_messages`), answered by the engine's thread
(`answer_engine`) and worded as OpenAI's API does (`api_replies`).
"""
