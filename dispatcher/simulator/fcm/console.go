package fcm

import (
	"cmp"
	"crypto/rsa"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// DefaultQuota is Firebase's number of messages a minute for a project.
	DefaultQuota = 600_000
	tokenLife    = 3599 * time.Second
	// maxBearers bounds the access tokens in force.
	maxBearers = 10_000
)

// Project is a Firebase project.
type Project struct {
	ProjectID string `json:"projectID"`
	// MessagesPerMinute is the quota, DefaultQuota if 0.
	MessagesPerMinute int `json:"messagesPerMinute,omitempty"`
}

// Account is a service account with its keys, as the simulator lists it.
type Account struct {
	Email     string   `json:"email"`
	ProjectID string   `json:"projectID"`
	KeyIDs    []string `json:"keyIDs"`
	// TokenLifetimeSeconds is how long its access tokens hold.
	TokenLifetimeSeconds int `json:"tokenLifetimeSeconds"`
}

type project struct {
	Project
	mu     sync.Mutex
	window time.Time
	used   int
}

// take counts a message. If the minute's quota is used up, it returns the seconds to the next.
func (p *project) take(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.window) >= time.Minute {
		p.window, p.used = now, 0
	}
	if p.used >= cmp.Or(p.MessagesPerMinute, DefaultQuota) {
		return int(math.Ceil(p.window.Add(time.Minute).Sub(now).Seconds()))
	}
	p.used++
	return 0
}

type account struct {
	email, project string
	keys           map[string]*rsa.PublicKey
	life           time.Duration
	tokenURI       string
}

type bearer struct {
	email, project string
	expires        time.Time
}

// console holds what the owners of projects see in Firebase's and Google's consoles.
type console struct {
	mu       sync.RWMutex
	projects map[string]*project
	accounts map[string]*account
	bearers  map[string]bearer
}

func newConsole() *console {
	return &console{projects: map[string]*project{}, accounts: map[string]*account{}, bearers: map[string]bearer{}}
}

func (c *console) project(id string) (*project, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.projects[id]
	return p, ok
}

// putProject makes the project or changes its quota.
func (c *console) putProject(p Project) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.projects[p.ProjectID] = &project{Project: p}
}

// dropProject deletes the project with its accounts.
func (c *console) dropProject(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.projects[id]
	delete(c.projects, id)
	for email, a := range c.accounts {
		if a.project == id {
			c.drop(email)
		}
	}
	return ok
}

func (c *console) listProjects() []Project {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := []Project{}
	for _, p := range c.projects {
		list = append(list, p.Project)
	}
	slices.SortFunc(list, func(x, y Project) int { return cmp.Compare(x.ProjectID, y.ProjectID) })
	return list
}

// putKey adds a key to the account, which it makes if need be. The project has to be there.
func (c *console) putKey(a account, keyID string, key *rsa.PublicKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.projects[a.project]; !ok {
		return false
	}
	kept, ok := c.accounts[a.email]
	if !ok || kept.project != a.project {
		kept = &account{email: a.email, project: a.project, keys: map[string]*rsa.PublicKey{}}
		c.accounts[a.email] = kept
	}
	kept.tokenURI, kept.life = a.tokenURI, a.life
	keys := maps.Clone(kept.keys) // readers may hold the former
	keys[keyID] = key
	kept.keys = keys
	return true
}

// account returns a copy, so that it can be read while keys change.
func (c *console) account(email string) (account, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	a, ok := c.accounts[email]
	if !ok {
		return account{}, false
	}
	return *a, true
}

func (c *console) listAccounts() []Account {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := []Account{}
	for _, a := range c.accounts {
		list = append(list, Account{
			Email: a.email, ProjectID: a.project, KeyIDs: slices.Sorted(maps.Keys(a.keys)),
			TokenLifetimeSeconds: int(a.life.Seconds()),
		})
	}
	slices.SortFunc(list, func(x, y Account) int { return cmp.Compare(x.Email, y.Email) })
	return list
}

// dropAccount deletes the account; its access tokens end at once.
func (c *console) dropAccount(email string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.accounts[email]
	c.drop(email)
	return ok
}

func (c *console) drop(email string) {
	delete(c.accounts, email)
	maps.DeleteFunc(c.bearers, func(_ string, b bearer) bool { return b.email == email })
}

// mint gives the account an access token.
func (c *console) mint(a account, now time.Time) (string, bool) {
	token := "ya29.c." + random(96)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.accounts[a.email]; !ok {
		return "", false
	}
	if len(c.bearers) == maxBearers {
		maps.DeleteFunc(c.bearers, func(_ string, b bearer) bool { return !now.Before(b.expires) })
	}
	if len(c.bearers) == maxBearers {
		clear(c.bearers)
	}
	c.bearers[token] = bearer{email: a.email, project: a.project, expires: now.Add(a.life)}
	return token, true
}

// bearer returns the project that the access token is for.
func (c *console) bearer(token string, now time.Time) (string, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	b, ok := c.bearers[token]
	return b.project, ok && now.Before(b.expires)
}

// expire ends all access tokens.
func (c *console) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.bearers)
}
