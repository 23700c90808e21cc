// Package phone simulates phones: what they are called at their vendor, whether
// they can be reached, and what they would show. It knows no vendor and imports
// nothing of the project.
package phone

import (
	"cmp"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxPhones bounds the memory of a Book.
const maxPhones = 100_000

// The reasons why a phone cannot be added.
var (
	ErrFull       = errors.New("there are 100000 phones; delete some first")
	ErrTokenTaken = errors.New("token: belongs to another phone; give another one or none")
	ErrIDTaken    = errors.New("id: belongs to a phone of another app; give another one or none")
)

// Names are what a vendor calls an installation.
type Names struct {
	Token string
	// InstallationID is FCM's fid: it outlives the token but not the installation.
	InstallationID string
	// VoIPToken is PushKit's, beside the ordinary token of APNs.
	VoIPToken string
}

// all are those that a vendor finds the phone by.
func (n Names) all() []string { return []string{n.Token, n.InstallationID, n.VoIPToken} }

// State is what can be said of a phone.
type State struct {
	Installed   bool `json:"installed"`
	Online      bool `json:"online"`
	PushEnabled bool `json:"pushEnabled"`
}

// Change sets parts of a phone's state.
type Change struct {
	Online      *bool `json:"online,omitempty"`
	PushEnabled *bool `json:"pushEnabled,omitempty"`
}

// Phone is a phone as the API shows it. App is its id in the vendor's console.
type Phone struct {
	ID             string `json:"id"`
	Vendor         string `json:"vendor"`
	App            string `json:"app"`
	Token          string `json:"token,omitempty"`
	InstallationID string `json:"installationID,omitempty"`
	VoIPToken      string `json:"voipToken,omitempty"`
	State
	// Pending counts the pushes that wait for the phone to come online.
	Pending int `json:"pending"`
	// Tray is what the user sees.
	Tray []Arrival `json:"tray"`
}

// Book holds the phones and knows which token belongs to which.
type Book struct {
	mu     sync.RWMutex
	phones map[string]*Handset
	tokens map[key]*Handset
	// dead is when names that belonged to a phone came to belong to none.
	dead map[key]time.Time
}

type key struct{ vendor, name string }

// NewBook returns a Book without phones.
func NewBook() *Book {
	return &Book{phones: map[string]*Handset{}, tokens: map[key]*Handset{}, dead: map[key]time.Time{}}
}

// Add makes a phone, or reinstalls the app on the one with this id, which then has the names.
func (b *Book) Add(vendor, app, id string, names Names) (*Handset, error) {
	if id == "" {
		id = strings.ToLower(rand.Text())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	h, known := b.phones[id]
	switch {
	case known && (h.vendor != vendor || h.app != app):
		return nil, ErrIDTaken
	case !known && len(b.phones) == maxPhones:
		return nil, ErrFull
	case b.taken(vendor, names, h):
		return nil, ErrTokenTaken
	case !known:
		h = newHandset(vendor, app, id, names)
		b.phones[id] = h
	}
	b.rename(h, names)
	h.wipe(true)
	return h, nil
}

func (b *Book) taken(vendor string, names Names, by *Handset) bool {
	for _, name := range names.all() {
		if holder, ok := b.tokens[key{vendor, name}]; ok && holder != by {
			return true
		}
	}
	return false
}

// rename lets the phone's old names die.
func (b *Book) rename(h *Handset, names Names) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(b.dead) > maxPhones {
		clear(b.dead)
	}
	now := time.Now()
	for _, name := range h.names.all() {
		if name != "" {
			delete(b.tokens, key{h.vendor, name})
			b.dead[key{h.vendor, name}] = now
		}
	}
	h.names = names
	for _, name := range names.all() {
		if name != "" {
			b.tokens[key{h.vendor, name}] = h
		}
		delete(b.dead, key{h.vendor, name})
	}
}

// Get returns the phone with this id.
func (b *Book) Get(id string) (*Handset, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	h, ok := b.phones[id]
	return h, ok
}

// Died is when a token or installation id of a phone's app stopped to be one.
func (b *Book) Died(vendor, name string) (time.Time, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	at, ok := b.dead[key{vendor, name}]
	return at, ok
}

// Lookup returns the phone whose app has this token, of either kind, or installation id now.
func (b *Book) Lookup(vendor, name string) (*Handset, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	h, ok := b.tokens[key{vendor, name}]
	return h, ok
}

// RotateToken gives the phone's app a new token; its other names stay.
func (b *Book) RotateToken(h *Handset, token string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := h.names
	names.Token = token
	if b.taken(h.vendor, names, h) {
		return ErrTokenTaken
	}
	b.rename(h, names)
	return nil
}

// Uninstall removes the app: its names die, what it showed can still be read.
func (b *Book) Uninstall(h *Handset) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rename(h, Names{})
	h.wipe(false)
}

// Forget removes the phone altogether.
func (b *Book) Forget(h *Handset) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rename(h, Names{})
	delete(b.phones, h.id)
}

// List returns the phones in the order of their ids.
func (b *Book) List() []*Handset {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]*Handset, 0, len(b.phones))
	for _, h := range b.phones {
		list = append(list, h)
	}
	slices.SortFunc(list, func(x, y *Handset) int { return cmp.Compare(x.id, y.id) })
	return list
}

// Phone returns the phone as the API shows it.
func (h *Handset) Phone() Phone {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pending = slices.DeleteFunc(h.pending, func(w waiting) bool { return !now.Before(w.deadline) })
	return Phone{
		ID: h.id, Vendor: h.vendor, App: h.app,
		Token: h.names.Token, InstallationID: h.names.InstallationID, VoIPToken: h.names.VoIPToken,
		State: h.state, Pending: len(h.pending), Tray: h.tray(),
	}
}
