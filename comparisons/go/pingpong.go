package main

// play waits for its turn on mine and passes it on to theirs.
func play(first, turns uint64, mine <-chan uint64, theirs chan<- uint64, sum chan<- uint64) {
	var own uint64
	for turn := first; turn < turns; turn += 2 {
		got := <-mine
		own += mix(got)
		if got+1 < turns {
			theirs <- got + 1
		}
	}
	sum <- own
}

// pingPong: two goroutines wake each other in turn over channels. With one place
// in each the one that passes the turn on need not wait for the other to take it:
// never slower than unbuffered ones here, and often faster.
func pingPong(n uint64) (timed, error) {
	turns := 2 * n
	ping, pong := make(chan uint64, 1), make(chan uint64, 1)
	sums := make(chan uint64, 2)
	go play(0, turns, ping, pong, sums)
	go play(1, turns, pong, ping, sums)
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	ping <- 0
	sum := <-sums
	sum += <-sums
	return watch.finish(func() uint64 { return sum })
}
