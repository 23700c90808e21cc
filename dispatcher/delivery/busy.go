package delivery

// busyRows is how many rows wait behind the calls of a lane that has as much to do as it may.
const busyRows = 4

// Busy reports whether rows wait for their turn at a channel row that delivers. One that is closed, and makes its rows
// wait for the vendor, is not busy.
func (e *Engine) Busy() bool {
	for _, l := range e.snapshot() {
		if l.busy() {
			return true
		}
	}
	return false
}

func (l *lane) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := l.sender != nil && !l.health.closedUntil.After(l.store.Now())
	return open && l.queue.waiting() > busyRows
}
