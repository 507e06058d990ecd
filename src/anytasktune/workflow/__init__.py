"""An action executed step by step: what each step is given, who answers it, and how much of the score is lost at which step."""
