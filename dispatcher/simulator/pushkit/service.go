package pushkit

import (
	"encoding/json"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const (
	maxToken   = 256
	tokenBytes = 32
	maxBadge   = 99
)

// Service is the part of a push service behind the check of its messages. It is safe for concurrent use.
type Service struct {
	vendor   string
	prefix   string // of tokens
	phones   *phone.Book
	rates    apps.Rates
	quota    apps.Quota
	badges   apps.Memory[int32] // by token
	receipts *callback.Poster[report]
}

// NewService makes the service of a vendor, whose tokens begin with the prefix. Close it after use.
func NewService(vendor, prefix string, phones *phone.Book, post callback.Options) *Service {
	return &Service{vendor: vendor, prefix: prefix, phones: phones, receipts: callback.New(post, calls)}
}

// Close ends the posting of receipts.
func (s *Service) Close() { s.receipts.Close() }

// Issue makes the token of a new installation.
func (s *Service) Issue() phone.Names {
	return phone.Names{Token: s.prefix + apps.RandomHex(tokenBytes)}
}

// Reissue makes a new token for an installation that stays.
func (s *Service) Reissue(phone.Names) string { return s.Issue().Token }

// Names checks a token that was given.
func (*Service) Names(token string) (phone.Names, error) {
	if len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) {
		return phone.Names{}, adminapi.Invalid("token: must be at most %d characters of printable ASCII without comma and blank", maxToken)
	}
	return phone.Names{Token: token}, nil
}

// Admit refuses a request of an account that may not push, or not so fast.
func (s *Service) Admit(id string, a Account) *Answer {
	switch {
	case !s.rates.Allow(id, a.RequestsPerSecond, 1):
		return FlowControl()
	case a.PushDisabled:
		return Refuse(NoPermission, "")
	case a.Penalized:
		return Refuse(Punished, "")
	}
	return nil
}

// Test counts a test message of an account, if the day's limit allows one more.
func (s *Service) Test(id string, most int) bool {
	_, ok := s.quota.Take(apps.Limit{Key: "test " + id, Most: most})
	return ok
}

// Phone returns the phone with this token; of another account if foreign.
func (s *Service) Phone(id, token string) (h *phone.Handset, foreign bool) {
	h, ok := s.phones.Lookup(s.vendor, token)
	if !ok {
		return nil, false
	}
	return h, h.App() != id
}

// Badge is what a message does with the number on the app's icon.
type Badge struct {
	Add int32
	Set *int32
}

// Message is a push that was taken, for one phone after the other.
type Message struct {
	AccountID string
	Account   Account
	phone.Push
	Badge *Badge
	// Test messages count for no phone.
	Test    bool
	Receipt ReceiptConfig
	// Status makes the entry of a receipt of the push to a token.
	Status func(token string, status int) any
}

// Deliver takes a message to a phone, within the phone's limits of the day.
func (s *Service) Deliver(m Message, h *phone.Handset, token string) {
	if code := s.over(m, token); code != 0 {
		s.report(m, token, code)
		return
	}
	p := m.Push
	if m.Badge != nil {
		number := s.badges.Change(token, m.Badge.apply)
		p.Badge = &number
	}
	p.Report = func(e phone.Event) {
		switch e {
		case phone.Delivered:
			s.report(m, token, delivered)
		case phone.Disabled:
			s.report(m, token, disabled)
		case phone.Clicked: // Huawei does not report it
		}
	}
	h.Deliver(p)
}

func (b Badge) apply(old int32) int32 {
	if b.Set != nil {
		return *b.Set
	}
	return min(old+b.Add, maxBadge)
}

// over is the status of a receipt for a push that is one too many for its phone, or 0.
func (s *Service) over(m Message, token string) int {
	if m.Test {
		return 0
	}
	phoneDay := m.AccountID + " " + token
	limits := []apps.Limit{{Key: phoneDay, Most: perDay}}
	if m.Account.class(m.Category) == marketing {
		limits = append(limits, apps.Limit{Key: phoneDay + " " + marketing, Most: m.Account.marketingLimit()})
	}
	switch full, ok := s.quota.Take(limits...); {
	case ok:
		return 0
	case full == phoneDay:
		return tooMany
	}
	return marketingFull
}

// Texts reads JSON objects of texts as Huawei's clients do; other values keep their JSON.
func Texts(object string) map[string]string {
	var raw map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &raw) != nil {
		return nil
	}
	texts := make(map[string]string, len(raw))
	for key, value := range raw {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		texts[key] = text
	}
	return texts
}
