package postgres

import (
	"context"
	"sync"
	"time"
)

// now is the database's time in SQL, in Unix milliseconds.
const now = `(extract(epoch FROM clock_timestamp()) * 1000)::bigint`

// millis and instant are the one translation of times: Unix milliseconds in UTC.
func millis(t time.Time) int64   { return t.UnixMilli() }
func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// clock continues the database's time by this process's monotonic clock.
type clock struct {
	mu       sync.Mutex
	database time.Time
	at       time.Time // when it was database's time, by the monotonic clock
}

// set notes an answer of the database to a question sent at that moment. The
// truth is between then and now; the middle is wrong by half a round trip at most.
func (c *clock) set(databaseMillis int64, sent time.Time) {
	received := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.database = instant(databaseMillis)
	c.at = sent.Add(received.Sub(sent) / 2)
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.database.Add(time.Since(c.at))
}

// Now implements store.Store. It is set anew with every renewal of the lease.
func (s *Store) Now() time.Time { return s.clock.now() }

func (s *Store) calibrate(ctx context.Context) error {
	sent := time.Now()
	var ms int64
	if err := s.row(ctx, `SELECT `+now).Scan(&ms); err != nil {
		return err
	}
	s.clock.set(ms, sent)
	return nil
}
