package main

// scope: 1,000 goroutines at a time, each time waited for, until n have run.
func scope(n uint64) (timed, error) {
	watch, err := startStopwatch()
	if err != nil {
		return timed{}, err
	}
	for first := uint64(0); first < n; first += 1000 {
		end := min(first+1000, n)
		flatRunning.Add(int(end - first))
		for i := first; i < end; i++ {
			go flatTask(i)
		}
		flatRunning.Wait()
	}
	return watch.finish(takeResults)
}
