package config

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Loaded is a document in force.
type Loaded struct {
	*Document
	Hash          string
	LoadedAt      time.Time
	UnknownFields int
}

// Live holds the document in force and swaps it when the mounted file changes.
// A document that does not parse leaves the old one in force.
type Live struct {
	path string
	log  *slog.Logger

	mu      sync.RWMutex
	current *Loaded
	lastErr error
	changed chan struct{} // closed at every swap
}

// Open reads the document at path.
func Open(path string, log *slog.Logger) (*Live, error) {
	l := &Live{path: path, log: log, changed: make(chan struct{})}
	if err := l.Reload(); err != nil {
		return nil, err
	}
	return l, nil
}

// Current is the document in force and a channel that is closed when it is no longer.
func (l *Live) Current() (*Loaded, <-chan struct{}) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.current, l.changed
}

// Err says why the newest document was refused; nil when it is in force.
func (l *Live) Err() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.lastErr
}

// Reload reads the file again and swaps atomically if it is good and new.
func (l *Live) Reload() error {
	next, err := load(l.path)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastErr = err
	if err != nil {
		return err
	}
	if l.current != nil && l.current.Hash == next.Hash {
		return nil
	}
	if l.current != nil && l.current.App.AppID != next.App.AppID {
		l.lastErr = fmt.Errorf("app.appID: is %q, the running app is %q", next.App.AppID, l.current.App.AppID)
		return l.lastErr
	}
	l.current = next
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

func load(path string) (*Loaded, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	d, unknown, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", filepath.Base(path), err)
	}
	return &Loaded{Document: d, Hash: Hash(b), LoadedAt: time.Now(), UnknownFields: unknown}, nil
}

// Watch reloads whenever the file's folder changes, until ctx ends. The
// kubelet swaps a symbolic link in the folder, so the file itself cannot be watched.
func (l *Live) Watch(ctx context.Context) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching the configuration: %w", err)
	}
	defer func() { _ = w.Close() }()
	if err := w.Add(filepath.Dir(l.path)); err != nil {
		return fmt.Errorf("watching the configuration: %w", err)
	}
	l.reloadAndLog() // a change between Open and Add
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.Events:
			l.reloadAndLog()
		case err := <-w.Errors:
			l.log.Warn("watching the configuration", "error", err)
			l.reloadAndLog() // an overflow has lost events
		}
	}
}

func (l *Live) reloadAndLog() {
	before, _ := l.Current()
	wasErr := l.Err()
	if err := l.Reload(); err != nil {
		if wasErr == nil || wasErr.Error() != err.Error() {
			l.log.Error("configuration refused, the old one stays in force", "error", err)
		}
		return
	}
	if now, _ := l.Current(); now != before {
		l.log.Info("configuration loaded", "hash", now.Hash, "unknownFields", now.UnknownFields)
	}
}
