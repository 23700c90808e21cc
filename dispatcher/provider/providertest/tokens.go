package providertest

import (
	"context"
	"sync"

	"github.com/offlinepush/operator/dispatcher/provider"
)

// TokenStore is a provider.TokenStore in memory, which several pods share. The zero value is empty.
type TokenStore struct {
	mu     sync.Mutex
	tokens map[string]provider.AccessToken
	// Err fails every call.
	Err error
	// Race is stored right before the next swap, as a faster pod would.
	Race provider.AccessToken
}

// LoadToken implements provider.TokenStore.
func (m *TokenStore) LoadToken(_ context.Context, name string) (provider.AccessToken, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[name]
	return t, ok, m.Err
}

// SwapToken implements provider.TokenStore.
func (m *TokenStore) SwapToken(_ context.Context, name string, previous, next provider.AccessToken) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Err != nil {
		return false, m.Err
	}
	if m.Race.Value.Reveal() != "" {
		m.put(name, m.Race)
		m.Race = provider.AccessToken{}
	}
	if m.tokens[name].Value.Reveal() != previous.Value.Reveal() {
		return false, nil
	}
	m.put(name, next)
	return true, nil
}

// Get is the token that is stored under the name.
func (m *TokenStore) Get(name string) provider.AccessToken {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens[name]
}

func (m *TokenStore) put(name string, t provider.AccessToken) {
	if m.tokens == nil {
		m.tokens = map[string]provider.AccessToken{}
	}
	m.tokens[name] = t
}
