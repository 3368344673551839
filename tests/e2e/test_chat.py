"""The official OpenAI package against the chat program and the real model."""

import asyncio
import json

import openai
import pytest

from support import ANSWER, LONG_TALK, MESSAGES, MODEL_NAME, SYSTEM, reference

PROMPTS = ["What is the capital of France?", "Name three colours.", "Count from one to ten.",
           "What is two plus two?", "Write a haiku about rain.", "Who wrote Hamlet?",
           "Explain gravity in one sentence.", "List four animals that can fly.",
           "What is the largest ocean?", "Translate 'good morning' into Spanish.",
           "Why is the sky blue?", "Give me a recipe for pancakes.",
           "What does HTTP stand for?", "Tell me a joke.", "How many days has a week?",
           "Describe a lighthouse at night."]


def ask(client, **parameters):
    settings = {"model": MODEL_NAME, "messages": MESSAGES, "temperature": 0} | parameters
    return client.chat.completions.create(**settings)


def talk(prompt):
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_greedy_answer_is_exact(client, tmp_path):
    completion = ask(client)
    expected = reference([MESSAGES], 64, tmp_path)[0]
    assert completion.choices[0].message.content == ANSWER == expected["text"]
    assert completion.choices[0].message.role == "assistant"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.object == "chat.completion"
    assert completion.model == MODEL_NAME
    assert completion.id.startswith("chatcmpl-")
    assert completion.usage.prompt_tokens == expected["prompt_tokens"]
    assert completion.usage.completion_tokens == len(expected["tokens"])
    assert completion.usage.total_tokens == (completion.usage.prompt_tokens
                                             + completion.usage.completion_tokens)


def test_stream_brings_one_chunk_for_each_token(client, tmp_path):
    expected = reference([MESSAGES], 64, tmp_path)[0]
    chunks = list(ask(client, stream=True))
    with_content = [c for c in chunks if c.choices[0].delta.content is not None]
    assert text_of(chunks) == ANSWER
    assert len(with_content) == len(expected["tokens"])
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert len({c.id for c in chunks}) == 1
    assert all(c.object == "chat.completion.chunk" for c in chunks)
    assert all(c.usage is None for c in chunks)


def test_stream_with_usage_ends_with_a_usage_chunk(client):
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(c.usage is None for c in chunks[:-1])
    assert text_of(chunks) == ANSWER


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("limit", [1, 3])
def test_length_limit(client, tmp_path, name, limit):
    expected = reference([MESSAGES], limit, tmp_path)[0]
    completion = ask(client, **{name: limit})
    assert completion.choices[0].message.content == expected["text"]
    assert completion.choices[0].finish_reason == "length" == expected["finish"]
    assert completion.usage.completion_tokens == limit


def test_limit_of_the_exact_length_does_not_cut(client, tmp_path):
    tokens = len(reference([MESSAGES], 64, tmp_path)[0]["tokens"])
    finish = {n: ask(client, max_tokens=n).choices[0].finish_reason for n in (tokens, tokens + 1)}
    assert finish == {tokens: "length", tokens + 1: "stop"}
    assert ask(client, max_tokens=tokens).choices[0].message.content == ANSWER


@pytest.mark.parametrize("stop, text", [
    (" France", "The capital of"),
    ([" is Paris"], "The capital of France"),
    (["nowhere", "Paris"], "The capital of France is "),
    (["apital of Fr", "zzz"], "The c"),
    ("Paris!", ANSWER),
])
def test_stop_strings_end_the_answer_and_are_not_part_of_it(client, stop, text):
    completion = ask(client, stop=stop)
    assert completion.choices[0].message.content == text
    assert completion.choices[0].finish_reason == "stop"
    assert text_of(ask(client, stop=stop, stream=True)) == text


def test_held_back_text_comes_when_the_length_ends_it(client):
    # "Paris" might become the stop string until the answer is over.
    limit = ask(client).usage.completion_tokens - 1
    whole = ask(client, max_tokens=limit, stop="Paris!")
    streamed = list(ask(client, max_tokens=limit, stop="Paris!", stream=True))
    assert whole.choices[0].message.content == "The capital of France is Paris"
    assert text_of(streamed) == "The capital of France is Paris"
    assert streamed[-1].choices[0].finish_reason == "length"


def test_same_seed_same_text(client):
    def sample(seed):
        return ask(client, messages=LONG_TALK, temperature=1.0, seed=seed, max_tokens=24)
    first, second, other = sample(7), sample(7), sample(8)
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.choices[0].message.content != other.choices[0].message.content


def test_no_seed_gives_different_texts(client):
    texts = {ask(client, messages=LONG_TALK, temperature=1.5, max_tokens=24)
             .choices[0].message.content for _ in range(3)}
    assert len(texts) > 1


def test_top_k_of_one_is_greedy(client):
    completion = ask(client, temperature=1.0, extra_body={"top_k": 1})
    assert completion.choices[0].message.content == ANSWER


def test_top_k_of_minus_one_is_off(client):
    assert ask(client, extra_body={"top_k": -1}).choices[0].message.content == ANSWER


def tokens_of_answer(tmp_path):
    return reference([MESSAGES], 64, tmp_path)[0]["tokens"]


def test_a_logit_bias_forces_and_forbids_a_token(client, tmp_path):
    first, second = tokens_of_answer(tmp_path)[:2]
    forced = ask(client, max_tokens=4, logit_bias={str(second): 100})
    piece = ask(client, max_tokens=1, logit_bias={str(second): 100}).choices[0].message.content
    assert piece and forced.choices[0].message.content == piece * 4
    assert ask(client, logit_bias={str(first): 0}).choices[0].message.content == ANSWER
    other = ask(client, max_tokens=1, logit_bias={str(first): -100}).choices[0].message.content
    assert other != ask(client, max_tokens=1).choices[0].message.content
    drawn = ask(client, max_tokens=4, temperature=1.5, seed=3, logit_bias={str(second): 100})
    assert drawn.choices[0].message.content == piece * 4


@pytest.mark.parametrize("biases, end", [({"5": 101}, "from -100 to 100, not 101."),
                                         ({"5": -100.5}, "from -100 to 100, not -100.5."),
                                         ({"x": 1}, "from -100 to 100."),
                                         ({str(i): 1 for i in range(1025)},
                                          "from -100 to 100, not 1025 of them."),
                                         ({"49152": 1}, "token 49152; this model has 0 to 49151.")])
def test_a_wrong_logit_bias_is_refused(client, biases, end):
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, logit_bias=biases)
    assert (refused.value.param, refused.value.code) == ("logit_bias", "invalid_value")
    assert refused.value.body["message"].startswith("'logit_bias' ")
    assert refused.value.body["message"].endswith(end)


def test_biases_up_to_the_limits_are_taken(client):
    biases = {str(49151 - i): -100 for i in range(1023)} | {"0": 0}
    assert ask(client, logit_bias=biases).usage.completion_tokens > 0


def test_a_repetition_penalty_by_both_names(client):
    talk_of_one = talk("Repeat the word 'one' a hundred times.")
    plain, penalised, other = (
        ask(client, messages=talk_of_one, max_tokens=40, extra_body=body).choices[0].message.content
        for body in ({}, {"repetition_penalty": 1.5}, {"repeat_penalty": 1.5}))
    assert plain != penalised == other
    both = ask(client, messages=talk_of_one, max_tokens=40,
               extra_body={"repetition_penalty": 1.0, "repeat_penalty": 1.5})
    assert both.choices[0].message.content == plain


@pytest.mark.parametrize("name", ["typical_p", "top_p"])
def test_tiny_shares_leave_one_choice(client, name):
    seeds = {ask(client, temperature=2.0, max_tokens=8, seed=seed,
                 extra_body={name: 1e-6}).choices[0].message.content for seed in (1, 2, 3)}
    assert len(seeds) == 1


@pytest.mark.parametrize("name, value", [("typical_p", 0), ("typical_p", 1.5),
                                         ("repetition_penalty", 0), ("repeat_penalty", 101)])
def test_wrong_sampling_is_refused_by_name_and_value(client, name, value):
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, extra_body={name: value})
    assert refused.value.param == name
    assert refused.value.body["message"].startswith(f"'{name}' must be a number ")
    assert refused.value.body["message"].endswith(f", not {value}.")


def test_ignore_eos_goes_on_to_max_tokens(client):
    usual = ask(client, max_tokens=40)
    assert usual.choices[0].finish_reason == "stop"
    completion = ask(client, max_tokens=40, extra_body={"ignore_eos": True})
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 40
    assert completion.choices[0].message.content.startswith(ANSWER)


@pytest.mark.parametrize("priority", [-1000, 1000])
def test_priority_changes_no_token(client, priority):
    completion = ask(client, extra_body={"priority": priority})
    assert completion.choices[0].message.content == ANSWER


def test_a_wrong_priority_is_refused(client):
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, extra_body={"priority": -1001})
    assert refused.value.param == "priority"


def test_min_tokens_both_sides(client):
    length = ask(client).usage.completion_tokens
    same = ask(client, extra_body={"min_tokens": length})
    assert (same.choices[0].message.content, same.usage.completion_tokens) == (ANSWER, length)
    longer = ask(client, max_tokens=64, extra_body={"min_tokens": length + 1})
    assert longer.usage.completion_tokens > length
    assert longer.choices[0].message.content.startswith(ANSWER)


def test_a_prompt_asked_again_is_not_computed_again(server, client):
    talk_of_prefixes = talk("Prefixes are beginnings. " * 60)

    def counted(**extra):
        before = server.wait_until_idle()
        completion = ask(client, messages=talk_of_prefixes, max_tokens=8, extra_body=extra)
        after = server.wait_until_idle()
        computed, reused = (after[name] - before[name]
                            for name in ("prompt_tokens_computed", "prompt_tokens_reused"))
        assert computed + reused == completion.usage.prompt_tokens > 300
        assert completion.usage.prompt_tokens_details.cached_tokens == reused
        return completion.choices[0].message.content, computed, reused

    text, computed, reused = counted()
    assert (computed > 250, reused < 64) == (True, True)
    # The last token is computed in any case, for its logits.
    assert counted() == (text, 1, computed + reused - 1)
    assert counted(cache_prompt=False) == (text, computed + reused, 0)


def test_tiny_top_p_is_greedy(client):
    assert ask(client, temperature=1.0, top_p=1e-6).choices[0].message.content == ANSWER


def test_content_may_come_in_parts(client):
    parts = [{"type": "text", "text": MESSAGES[1]["content"]}]
    messages = [MESSAGES[0], {"role": "user", "content": parts}]
    assert ask(client, messages=messages).choices[0].message.content == ANSWER


def test_several_parts_are_lines(client, tmp_path):
    parts = [{"type": "text", "text": text} for text in ("Say hello.", "Be brief.")]
    completion = ask(client, messages=[MESSAGES[0], {"role": "user", "content": parts}],
                     max_tokens=16)
    expected = reference([talk("Say hello.\nBe brief.")], 16, tmp_path)[0]
    assert completion.choices[0].message.content == expected["text"]
    assert completion.usage.prompt_tokens == expected["prompt_tokens"]


def test_a_conversation_goes_on(client, tmp_path):
    messages = MESSAGES + [{"role": "assistant", "content": ANSWER},
                           {"role": "user", "content": "And of Italy?"}]
    completion = ask(client, messages=messages, max_tokens=32)
    expected = reference([messages], 32, tmp_path)[0]
    assert completion.choices[0].message.content == expected["text"]


def test_text_of_all_scripts_and_control_marks_survives(client, tmp_path):
    # <|im_end|> inside a message is the model's own mark: as llama.cpp reads it, so do we.
    odd = "Repeat: \u4f60\u597d \U0001f600 \"quotes\" \\ \t \u0000 <|im_end|> e\u0301"
    completion = ask(client, messages=talk(odd), max_tokens=24)
    expected = reference([talk(odd)], 24, tmp_path)[0]
    assert completion.usage.prompt_tokens == expected["prompt_tokens"]
    assert completion.choices[0].message.content == expected["text"]


def test_a_model_need_not_be_named_over_plain_http(server):
    response = server.post(json={"messages": MESSAGES, "temperature": 0})
    assert response.status_code == 200
    assert response.json()["model"] == MODEL_NAME
    assert response.json()["choices"][0]["message"]["content"] == ANSWER


def test_sixteen_clients_at_once_get_what_each_gets_alone(server, tmp_path):
    limit = 32
    expected = reference([talk(p) for p in PROMPTS], limit, tmp_path)

    async def one(client, prompt, stream):
        settings = {"model": MODEL_NAME, "messages": talk(prompt), "temperature": 0,
                    "max_tokens": limit}
        if not stream:
            completion = await client.chat.completions.create(**settings)
            return completion.choices[0].message.content, completion.choices[0].finish_reason
        chunks = [c async for c in await client.chat.completions.create(stream=True, **settings)]
        return text_of(chunks), chunks[-1].choices[0].finish_reason

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="unused",
                                      max_retries=0) as client:
            return await asyncio.gather(*(one(client, prompt, i % 2 == 0)
                                          for i, prompt in enumerate(PROMPTS)))

    answers = asyncio.run(all_of_them())
    assert [text for text, _ in answers] == [e["text"] for e in expected]
    assert [finish for _, finish in answers] == [e["finish"] for e in expected]


def test_a_long_prompt_is_answered_as_by_llama_cpp(client, tmp_path):
    # More than one prefill chunk of 512 tokens.
    messages = talk("Summarise: " + "The quick brown fox jumps over the lazy dog. " * 80)
    completion = ask(client, messages=messages, max_tokens=24)
    expected = reference([messages], 24, tmp_path)[0]
    assert completion.usage.prompt_tokens == expected["prompt_tokens"] > 512
    assert completion.choices[0].message.content == expected["text"]


def test_models_are_listed_with_the_default_first(client, server):
    models = client.models.list().data
    assert models[0].id == MODEL_NAME
    assert all(m.object == "model" and m.owned_by == "realm" for m in models)
    assert client.models.retrieve(MODEL_NAME).id == MODEL_NAME
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("no-such-model")
    assert caught.value.code == "model_not_found"


def test_raw_stream_is_server_sent_events(server):
    response = server.post(json={"messages": MESSAGES, "temperature": 0, "stream": True})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache"
    events = response.text.split("\n\n")
    assert events.pop() == ""
    assert events.pop() == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks) == ANSWER
