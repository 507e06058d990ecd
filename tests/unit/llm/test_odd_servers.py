"""Servers with ways of their own: errors in a 200, streams, filters, wishes about the request."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.openai_server import KEY, Answer, Answers, Raw, completion, error, in_turn, serving

from anytasktune.llm import Endpoint, EndpointError, Question, Reply, Teacher
from anytasktune.settings import TeacherConfig

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
YES = '{"n": 3}'


def asked(place: int = 0) -> Question[int]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"How many? {place}"}]
    return Question(messages, SCHEMA, lambda value: int(value["n"]))


def teacher_at(url: str, folder: Path, **settings: Any) -> Teacher:
    config = TeacherConfig(name="m", **settings)
    return Teacher.at(Endpoint(url, KEY, attempts=5, first_wait=0.01, timeout=5.0), config, folder / "answers.sqlite")


def ask(answers: Answers, folder: Path, count: int = 1) -> tuple[list[Reply[int]], list[dict[str, Any]], Teacher]:
    with serving(answers) as served:
        teacher = teacher_at(served.url, folder)
        return teacher.ask_all([asked(place) for place in range(count)]), served.bodies, teacher


def stream(*texts: str, finish: str | None = "stop", end: str = "data: [DONE]\n\n", **more: Any) -> Raw:
    """A completion in pieces."""
    pieces = [{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in texts]
    pieces += [{"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}] if finish else []
    pieces += [{"choices": [], **more}] if more else []
    body = "".join(f"data: {json.dumps(piece, ensure_ascii=False)}\n\n" for piece in pieces) + end
    return Raw(200, body, {"Content-Type": "text/event-stream; charset=utf-8"})


@pytest.mark.parametrize(
    ("response", "said", "advice"),
    [
        ({"code": 401, "message": "the token has expired"}, "the token has expired", "OPENAI_API_KEY"),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "insufficient balance", ""),
        ({"errcode": 336, "errmsg": "Access key incorrect"}, "Access key incorrect", "OPENAI_API_KEY"),
        ({"success": False, "msg": "登录失败：令牌无效", "data": None}, "登录失败：令牌无效", "OPENAI_API_KEY"),
        ({"error": {"message": "No credentials", "code": "401"}, "choices": None}, "No credentials", "OPENAI_API_KEY"),
        ({"error": "Model gpt-9 not found", "code": 404}, "Model gpt-9 not found", "name"),
        ({"errors": [{"message": "no route for this account", "code": 7000}]}, "no route for this account", ""),
        ({"detail": "not your day"}, "not your day", ""),
    ],
)
def test_an_error_in_a_200_is_shown_in_the_words_of_the_server_and_asked_once(
    response: Answer, said: str, advice: str, tmp_path: Path
) -> None:
    with serving(in_turn(response)) as served, pytest.raises(EndpointError, match=said) as caught:
        teacher_at(served.url, tmp_path).ask(asked())
    assert len(served.bodies) == 1
    assert advice in caught.value.problems[0].fix
    assert "later" not in str(caught.value)


@pytest.mark.parametrize("code", [502, "503", 429])
def test_an_error_in_a_200_that_passes_is_waited_for(code: object, tmp_path: Path) -> None:
    away: Answer = {"error": {"message": "the provider is away", "code": code}}
    (reply,), bodies, _ = ask(in_turn(away, away, YES), tmp_path)
    assert (reply.value, len(bodies)) == (3, 3)


def test_one_error_in_a_200_among_answers_costs_only_its_question(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return {"error": {"message": "this text upsets me"}} if "How many? 7" in str(body["messages"]) else YES

    replies, _, _ = ask(answer, tmp_path, 12)
    assert [place for place, reply in enumerate(replies) if reply.value is None] == [7]
    assert "upsets me" in replies[7].detail


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<!DOCTYPE html><html><head><title>Chat \n UI</title></head></html>", 'a web page ("Chat UI")'),
        ("\n<html lang='zh'><body>登录</body></html>", "a web page"),
        ("<?xml version='1.0'?><rss></rss>", "a web page"),
    ],
)
def test_a_web_page_is_named_with_the_address_to_check(page: str, said: str, tmp_path: Path) -> None:
    with serving(in_turn(Raw(200, page, {"Content-Type": "text/html"}))) as served, pytest.raises(EndpointError) as caught:
        teacher_at(served.url, tmp_path).ask(asked())
    assert said in str(caught.value)
    assert "OPENAI_BASE_URL" in str(caught.value)
    assert "/v1" in caught.value.problems[0].fix
    assert len(served.bodies) == 1


def test_a_web_page_in_place_of_one_answer_is_asked_again(tmp_path: Path) -> None:
    with serving(in_turn(YES, Raw(200, "<html>gateway</html>"), YES)) as served:
        teacher = teacher_at(served.url, tmp_path)
        assert [teacher.ask(asked(place)).value for place in range(2)] == [3, 3]
    assert len(served.bodies) == 3


@pytest.mark.parametrize(
    "raw",
    [
        stream('{"n"', ": 3}"),
        stream('{"n": 3}', finish=None),
        stream(YES, end=""),
        stream("<think>hm\u2028</think>", YES, usage={"prompt_tokens": 5, "completion_tokens": 6}),
        Raw(
            200,
            f": ping\r\n\r\ndata:{json.dumps(completion(YES))}\r\n\r\ndata: [DONE]\r\n\r\n",
            {"Content-Type": "text/event-stream"},
        ),
        Raw(200, f"data: {json.dumps(completion(YES))}\n\ndata: [DONE]\n\n", {"Content-Type": "text/plain"}),
    ],
)
def test_a_stream_that_was_not_asked_for_is_read(raw: Raw, tmp_path: Path) -> None:
    (reply,), bodies, teacher = ask(in_turn(raw), tmp_path)
    assert (reply.value, len(bodies)) == (3, 1)
    assert teacher.usage.answer_tokens > 0


def test_a_stream_that_ends_in_the_middle_or_in_an_error_is_no_answer(tmp_path: Path) -> None:
    (reply,), bodies, _ = ask(in_turn(stream('{"n": 3', finish=None, end=""), YES), tmp_path / "half")
    assert (reply.value, len(bodies)) == (3, 2)
    failed = stream(finish=None, error={"message": "the token is invalid", "code": 401})
    with serving(in_turn(failed)) as served, pytest.raises(EndpointError, match="the token is invalid"):
        teacher_at(served.url, tmp_path / "failed").ask(asked())
    assert len(served.bodies) == 1


def wants_stream(body: dict[str, Any]) -> Answer:
    said = "This model only support stream mode, please enable the stream parameter to access the model."
    return (
        stream('{"n":', " 3}", usage={"prompt_tokens": 9, "completion_tokens": 4}) if body.get("stream") else error(400, said)
    )


def wants_plain_stream(body: dict[str, Any]) -> Answer:
    if body.get("stream_options"):
        return error(400, "Unknown field: stream_options")
    return stream(YES) if body.get("stream") else error(422, "Only streaming is available for this deployment")


def wants_no_thinking(body: dict[str, Any]) -> Answer:
    said = "parameter.enable_thinking must be set to false for non-streaming calls"
    return YES if body.get("enable_thinking") is False else error(400, said)


def wants_no_system(body: dict[str, Any]) -> Answer:
    roles = [message["role"] for message in body["messages"]]
    return error(400, "System role not supported") if "system" in roles else YES


def fails_at_system(body: dict[str, Any]) -> Answer:
    roles = [message["role"] for message in body["messages"]]
    return error(500, "Jinja Exception: System role not supported") if "system" in roles else YES


def wants_few_things(body: dict[str, Any]) -> Answer:
    if "max_tokens" in body:
        return error(400, "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
    if body["messages"][0]["role"] == "system":
        return error(400, "Unsupported value: 'messages[0].role' does not support 'system' with this model.")
    return error(400, "'temperature' does not support 0 with this model.") if "temperature" in body else YES


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        (wants_stream, 1),
        (wants_plain_stream, 2),
        (wants_no_thinking, 1),
        (wants_no_system, 1),
        (fails_at_system, 1),
        (wants_few_things, 3),
    ],
)
def test_a_server_gets_the_request_it_wants_and_is_asked_so_from_then_on(
    answers: Answers, refused: int, tmp_path: Path
) -> None:
    with serving(answers) as served:
        teacher = teacher_at(served.url, tmp_path)
        assert teacher.ask(asked()).value == 3
        assert len(served.bodies) == 1 + refused
        other = Question(asked(1).messages, SCHEMA | {"title": "another"}, lambda value: int(value["n"]))
        assert teacher.ask(other).value == 3
    assert len(served.bodies) == 2 + refused, "another schema changes nothing of it"
    assert teacher.usage.requests == 2
    assert "Be brief." in str(served.bodies[-1]["messages"])


@pytest.mark.parametrize("word", ["upstream connect error", "the operating system is busy", "stream of consciousness"])
def test_words_that_only_sound_like_a_wish_end_all_the_same(word: str, tmp_path: Path) -> None:
    (reply,), bodies, _ = ask(in_turn(error(400, word)), tmp_path)
    assert (reply.fault, word in reply.detail) == ("not_answered", True)
    assert len(bodies) < 8


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [
        (error(400, "The model `m` does not exist or you do not have access to it."), "name"),
        (error(404, "model 'm' not found, try pulling it first"), "name"),
        (error(400, "Model Not Exist"), "name"),
        (Raw(400, '{"error": {"code": "Arrearage", "message": "Access denied, see your account."}}'), "credit"),
        (Raw(429, '{"error": {"message": "You exceeded it", "code": "insufficient_quota"}}'), "credit"),
        (error(407, "Proxy Authentication Required"), "https_proxy"),
        (Raw(308, "", {"Location": "https://new.example/v1/chat/completions"}), "OPENAI_BASE_URL"),
    ],
)
def test_what_no_other_request_would_change_is_said_at_once(refusal: Raw, advice: str, tmp_path: Path) -> None:
    with serving(in_turn(refusal)) as served, pytest.raises(EndpointError) as caught:
        teacher_at(served.url, tmp_path).ask(asked())
    assert len(served.bodies) == 1
    assert advice in caught.value.problems[0].fix
    assert "new.example" in str(caught.value) or refusal.status != 308


@pytest.mark.parametrize(
    "refusal",
    [
        Raw(400, '{"error": {"code": "data_inspection_failed", "message": "Input data may contain inappropriate content."}}'),
        Raw(400, '{"error": {"code": "content_filter", "message": "The prompt triggered a policy."}}'),
        {"id": "x", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 0}},
    ],
)
def test_a_question_that_a_filter_refuses_is_asked_once_and_the_others_go_on(refusal: Answer, tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return refusal if "How many? 3" in str(body["messages"]) else YES

    replies, bodies, _ = ask(answer, tmp_path, 6)
    assert [reply.fault for reply in replies] == ["", "", "", "not_answered", "", ""]
    assert len(bodies) == 6


def silent(finish: str, content: str | None = "", **message: str) -> dict[str, Any]:
    response = completion("", finish)
    response["choices"][0]["message"] |= {"content": content, **message}
    return response


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (silent("content_filter"), "content filter"),
        (silent("content_filter", None, refusal="no"), "content filter"),
        (silent("length", None, reasoning_content='Let me think, perhaps {"n": 4}'), "answer_tokens"),
        (silent("length", '<think>perhaps {"n": 4}'), "answer_tokens"),
        (silent("length", ""), "answer_tokens"),
    ],
)
def test_a_model_that_was_not_let_speak_is_not_asked_again_and_the_reason_is_said(
    response: Answer, said: str, tmp_path: Path
) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return response if "How many? 1" in str(body["messages"]) else YES

    replies, bodies, teacher = ask(answer, tmp_path, 3)
    assert [reply.value for reply in replies] == [3, None, 3]
    assert (replies[1].fault, said in replies[1].detail) == ("unusable_answer", True)
    assert len(bodies) == 3
    again, sent, _ = ask(answer, tmp_path, 0)
    assert (again, sent) == ([], [])
    assert teacher.usage.requests == 3


def test_a_model_that_never_speaks_ends_the_run_before_all_is_paid(tmp_path: Path) -> None:
    with serving(in_turn(silent("length", None, reasoning="so ..."))) as served:
        with pytest.raises(EndpointError, match="still thinking after 1024 tokens") as caught:
            teacher_at(served.url, tmp_path).ask_all([asked(place) for place in range(500)])
        assert len(served.bodies) < 100
    assert "answer_tokens" in caught.value.problems[0].fix


def test_an_answer_that_is_cut_in_the_middle_may_be_put_right_once(tmp_path: Path) -> None:
    (reply,), bodies, _ = ask(in_turn(completion('{"n": ', "length")), tmp_path)
    assert (reply.fault, len(bodies)) == ("unusable_answer", 2)
    assert reply.detail.startswith("it was cut off: it is no JSON")
    assert "answer_tokens" in reply.detail


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/v1?api-version=2024-10-21", "/v1/chat/completions?api-version=2024-10-21"),
        ("/v1/?api-version=2024-10-21&region=eu", "/v1/chat/completions?api-version=2024-10-21&region=eu"),
        ("/v1/chat/completions?api-version=2024-10-21", "/v1/chat/completions?api-version=2024-10-21"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
    ],
)
def test_a_query_stays_behind_the_path(address: str, path: str, tmp_path: Path) -> None:
    with serving(in_turn(YES)) as served:
        url = served.url.removesuffix("/v1") + address
        endpoint = Endpoint.from_environment({"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY})
        assert Teacher.at(endpoint, TeacherConfig(name="m"), tmp_path / "answers.sqlite").ask(asked()).value == 3
    assert served.paths == [path]
    assert endpoint.headers.get("api-key", "") == (KEY if "api-version" in address else "")
