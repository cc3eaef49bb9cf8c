package main

import "sync"

// channel: two goroutines send n numbers, and two receive them.
func channel(n uint64) (timed, error) {
	const each = 2
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	numbers, sums := make(chan uint64, 1024), make(chan uint64, each)
	var sending sync.WaitGroup
	sending.Add(each)
	for first := range uint64(each) {
		go func() {
			for number := first; number < n; number += each {
				numbers <- number
			}
			sending.Done()
		}()
		go func() {
			var sum uint64
			for number := range numbers {
				sum += mix(number)
			}
			sums <- sum
		}()
	}
	sending.Wait()
	close(numbers)
	var sum uint64
	for range each {
		sum += <-sums
	}
	return watch.finish(func() uint64 { return sum })
}
