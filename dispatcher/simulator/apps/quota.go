package apps

import (
	"sync"
	"time"
)

// Quota counts pushes of a day, which ends at midnight in China, by any key: an app, a class of messages, a phone. The
// zero value has counted none. It is safe for concurrent use.
type Quota struct {
	mu   sync.Mutex
	day  string
	used map[string]int
}

// Take counts one more under every key if none of them has reached its limit, 0 for none. It reports the first key that has.
func (q *Quota) Take(limits ...Limit) (full string, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn()
	for _, l := range limits {
		if l.Most > 0 && q.used[l.Key] >= l.Most {
			return l.Key, false
		}
	}
	for _, l := range limits {
		q.used[l.Key]++
	}
	return "", true
}

// Used is how many were counted today.
func (q *Quota) Used(key string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn()
	return q.used[key]
}

func (q *Quota) turn() {
	today := time.Now().In(time.FixedZone("UTC+8", 8*60*60)).Format(time.DateOnly)
	if q.day != today || q.used == nil {
		q.day, q.used = today, map[string]int{}
	}
}

// Limit is how often something may happen in a day; Most 0 is no limit.
type Limit struct {
	Key  string
	Most int
}
