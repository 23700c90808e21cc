package apps

import "sync"

// maxKept bounds what a Memory keeps.
const maxKept = 10_000

// Memory keeps the newest 10000 values by their keys. The zero value is empty. It is safe for concurrent use.
type Memory[V any] struct {
	mu     sync.Mutex
	values map[string]V
	order  []string
}

// Get is the value of a key.
func (m *Memory[V]) Get(key string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	return v, ok
}

// Change replaces the value of a key by what change makes of it, and returns that. A key that is new, or forgotten, has the
// zero value.
func (m *Memory[V]) Change(key string, change func(V) V) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, known := m.values[key]
	if !known {
		m.add(key)
	}
	m.values[key] = change(old)
	return m.values[key]
}

func (m *Memory[V]) add(key string) {
	if m.values == nil {
		m.values = map[string]V{}
	}
	if len(m.order) == maxKept {
		delete(m.values, m.order[0])
		m.order = m.order[1:]
	}
	m.order = append(m.order, key)
}
