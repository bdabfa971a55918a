"""What does not answer is left alone for a while, and asked again by one caller first."""

from shared.circuit import CircuitBreaker


class Clock:
    """A clock that tests set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_silence_stops_calls_for_the_pause_and_one_caller_tries_again() -> None:
    clock = Clock()
    breaker = CircuitBreaker(5, clock)
    assert breaker.allows()
    breaker.note_silence(clock.now)
    clock.now += 4.9
    assert not breaker.allows()
    clock.now += 0.2
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.note_answer()
    assert [breaker.allows() for _ in range(3)] == [True, True, True]


def test_a_trial_that_fails_begins_another_pause() -> None:
    clock = Clock()
    breaker = CircuitBreaker(5, clock)
    breaker.note_silence(clock.now)
    clock.now += 5
    assert breaker.allows()
    clock.now += 1
    breaker.note_silence(clock.now - 1)
    clock.now += 4.9
    assert not breaker.allows()
    clock.now += 0.2
    assert breaker.allows()


def test_a_server_that_answered_somebody_meanwhile_is_slow_and_not_silent() -> None:
    clock = Clock()
    breaker = CircuitBreaker(5, clock)
    began = clock.now
    clock.now += 1
    breaker.note_answer()
    clock.now += 1
    breaker.note_silence(began)
    assert breaker.allows()
