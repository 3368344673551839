"""What both servers are asked: prompts, and the plans of load_client that send them.

A plan is made anew for each round, with other words, so that no cache of an earlier round helps;
both servers get the same one."""

import random

TENANTS = {f"tenant{i:02}": f"rk_bench{i:02}_0123456789abcdefghijklmn" for i in range(16)}
STREAM_TOKENS = 256
CHAT_TOKENS = 128
CHAT_WORDS = 60
RUNNING = 8
LONG_PROMPTS = 4
LONG_WORDS = 1200
# More than can be generated while the long prompts are computed; the client hangs up after those.
RUNNING_TOKENS = 1500
BUSY_STREAMS = 15
BUSY_TOKENS = 160
CALM_TOKENS = 64

SYSTEM = "You are a helpful assistant."
SENTENCE = ("the", "adjective", "noun", "verb", "the", "adjective", "noun", "place", "the", "noun")
WORDS = {
    "adjective": "old young quiet bright narrow distant wooden silver careful hungry gentle broken "
                 "famous empty green heavy patient strange warm early".split(),
    "noun": "lighthouse gardener river teacher window painter bridge sailor market village letter "
            "mountain doctor orchard station musician harbour farmer library clock".split(),
    "verb": "followed painted found carried watched repaired remembered opened visited crossed drew "
            "counted washed moved sold answered guarded measured copied lifted".split(),
    "place": "near behind beside beyond above below before around outside inside".split(),
}


def prose(seed, count):
    """That many words in sentences; others for another seed."""
    chosen = random.Random(seed)
    words = []
    while len(words) < count:
        sentence = [chosen.choice(WORDS.get(kind, [kind])) for kind in SENTENCE]
        sentence[0] = sentence[0].capitalize()
        sentence[-1] += "."
        words += sentence
    return " ".join(words[:count])


def body(text, tokens):
    return {"messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}],
            "temperature": 0, "max_tokens": tokens, "stream": True,
            "stream_options": {"include_usage": True}, "cache_prompt": False, "ignore_eos": True}


def story(seed):
    """A question of CHAT_WORDS words to which the model writes on and on."""
    chosen = random.Random(seed)
    people = [f"{chosen.choice(WORDS['adjective'])} {noun}"
              for noun in chosen.sample(WORDS["noun"], 6)]
    return (f"Write a very long story about a {people[0]}, a {people[1]} and a {people[2]}. It has "
            f"many chapters. In each of them somebody new comes, such as a {people[3]}, a "
            f"{people[4]} or a {people[5]}, and tells a story of their own, and the story goes on "
            "and on, for years, with no end at all.")


def single_stream(turn):
    return [{"group": "stream", "body": body(story(f"single {turn}"), STREAM_TOKENS)}]


def tenants16(turn, tokens=CHAT_TOKENS):
    return [{"group": "chat", "key": key, "body": body(story(f"{name} {turn}"), tokens)}
            for name, key in TENANTS.items()]


def stall(turn, prompts=LONG_PROMPTS):
    running = [{"group": "running", "until_ends": "long",
                "body": body(story(f"running {turn} {i}"), RUNNING_TOKENS)}
               for i in range(RUNNING)]
    text = "Summarise these sentences: "
    return running + [
        {"group": "long", "lane": 0, "once_streams": "running",
         "body": body(text + prose(f"long {turn} {i}", LONG_WORDS - len(text.split())), 1)}
        for i in range(prompts)]


def fair_share(turn, calm="tenant01"):
    """15 streams of tenant00 and one of another tenant, or of the same."""
    streams = [{"group": "busy", "key": TENANTS["tenant00"],
                "body": body(story(f"busy {turn} {i}"), BUSY_TOKENS)}
               for i in range(BUSY_STREAMS)]
    return streams + [{"group": "calm", "key": TENANTS[calm], "once_streams": "busy",
                       "body": body(story(f"calm {turn}"), CALM_TOKENS)}]


def description():
    return [
        "requests: POST /v1/chat/completions over loopback, streamed, from one load_client; greedy "
        "(temperature 0), no prompt cache, one SSE chunk counted as one token and compared with the "
        "server's own usage",
        f"single_stream: one stream, {CHAT_WORDS} words in, {STREAM_TOKENS} tokens out",
        f"tenants16: {len(TENANTS)} streams at once, each of a tenant of its own, {CHAT_WORDS} words "
        f"in, {CHAT_TOKENS} tokens out; the time includes the prompts",
        f"stall: {RUNNING} running streams ({CHAT_WORDS} words in); once all stream, {LONG_PROMPTS} "
        f"prompts of {LONG_WORDS} words, 1 token out, each when the last has ended",
        f"fair_share: {BUSY_STREAMS} streams of one tenant, {BUSY_TOKENS} tokens out each; once all "
        f"stream, one of another, {CALM_TOKENS} tokens out; {CHAT_WORDS} words in each",
    ]
