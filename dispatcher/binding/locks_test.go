package binding

import (
	"sync"
	"testing"
)

func TestLocks(t *testing.T) {
	t.Parallel()
	l := locks{keys: map[string]*keyLock{}}
	orders := [][]string{{"a", "b"}, {"b", "a"}, {"b", "c"}, {"c", "a"}, {"a"}, {"c"}}
	inside := map[string]*int{"a": new(int), "b": new(int), "c": new(int)}
	var wg sync.WaitGroup
	for i := range 600 {
		wg.Go(func() {
			keys := append([]string{}, orders[i%len(orders)]...)
			release, err := l.take(t.Context(), keys...)
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			for _, key := range keys { // The race detector watches too.
				if *inside[key]++; *inside[key] != 1 {
					t.Errorf("%d at once in %s", *inside[key], key)
				}
			}
			for _, key := range keys {
				*inside[key]--
			}
		})
	}
	wg.Wait()
	if len(l.keys) != 0 {
		t.Errorf("%d keys are kept", len(l.keys))
	}
}
