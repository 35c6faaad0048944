"""`!batch`, as far as it goes without a gateway that has batches."""

from harness.waiting import wait_until


def test_a_rocket_without_batches_says_so(synapse, person, bot, upstream) -> None:
    without = upstream(reply=lambda seen: (404, {"error": {"message": "no such path"}}))
    alice = person(synapse, "alice")
    program = bot(synapse, without.url)
    room = alice.room(program.user_id, direct=True)
    told = alice.say(room, "!batch\none\ntwo")
    assert "This Rocket has no batches" in alice.answer(told).body
    assert [seen.path for seen in without.inference()] == ["/v1/files"]
    assert b'"content": "two"' in without.inference()[0].body


def test_a_file_that_holds_no_requests(synapse, person, bot, upstream) -> None:
    rocket = upstream()
    alice = person(synapse, "alice")
    program = bot(synapse, rocket.url, limits={"attachment": "2KiB"})
    room = alice.room(program.user_id, direct=True)
    url = alice.upload(b"not json\n")
    content = {"msgtype": "m.file", "url": url, "filename": "x.jsonl", "body": "!batch"}
    wrong = alice.send(room, content)
    assert "first line is not JSON" in alice.answer(wrong).body
    large = alice.send(room, {**content, "url": alice.upload(b"x" * 4096)})
    assert "larger than" in alice.answer(large).body
    foreign = alice.send(room, {**content, "url": "https://elsewhere/x"})
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": foreign}}}
    nothing = alice.send(room, {"msgtype": "m.text", "body": "!batch", **reply})
    assert "There is nothing to do" in alice.answer(nothing).body
    assert not [each for each in alice.answers(foreign) if each.sender == program.user_id]
    wait_until("nothing waits", lambda: program.total("rocket_matrix_waiting") == 0)
    assert not rocket.inference()
