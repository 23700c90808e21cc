package binding

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// locks let one operation at a time work on a key. Keys that nobody uses take no memory.
type locks struct {
	mu   sync.Mutex
	keys map[string]*keyLock
}

type keyLock struct {
	held  chan struct{} // has room for the holder
	users int           // the holder and those who wait
}

func deviceKey(device int64) string { return fmt.Sprint("device ", device) }
func tokenKey(token string) string  { return "token " + token }

// take waits for distinct keys, in their order, so that two operations never wait
// for each other. A key that is free is taken also when ctx has ended.
func (l *locks) take(ctx context.Context, keys ...string) (release func(), err error) {
	slices.Sort(keys)
	for i, key := range keys {
		if err := l.takeOne(ctx, key); err != nil {
			l.release(keys[:i])
			return nil, fmt.Errorf("waiting for an earlier change: %w", err)
		}
	}
	return func() { l.release(keys) }, nil
}

func (l *locks) takeOne(ctx context.Context, key string) error {
	k := l.enter(key)
	select {
	case k.held <- struct{}{}:
		return nil
	default:
	}
	select {
	case k.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		l.leave(key)
		return ctx.Err()
	}
}

func (l *locks) release(keys []string) {
	for _, key := range keys {
		<-l.leave(key).held
	}
}

func (l *locks) enter(key string) *keyLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keys[key]
	if k == nil {
		k = &keyLock{held: make(chan struct{}, 1)}
		l.keys[key] = k
	}
	k.users++
	return k
}

func (l *locks) leave(key string) *keyLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keys[key]
	if k.users--; k.users == 0 {
		delete(l.keys, key)
	}
	return k
}
