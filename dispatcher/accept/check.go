package accept

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Limits of the texts that a vendor shows; vendors cut at less.
const (
	maxTitle   = 1 << 10
	maxContent = 8 << 10
	maxTTL     = 28 * 24 * time.Hour
)

// Refused reports whether an error of Accept is about the request: the same
// request will be refused again, or is one too many.
func Refused(err error) bool {
	_, isField := errors.AsType[*message.FieldError](err)
	return isField || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrBacklogFull)
}

// check gives the first field that breaks its rule.
func (r Request) check(doc *config.Document) error {
	if err := message.CheckID("clientID", r.ClientID); err != nil {
		return err
	}
	if err := message.CheckID("from", r.From); err != nil {
		return err
	}
	if err := checkTo(r.To); err != nil {
		return err
	}
	if err := message.CheckText("body", r.Body, message.MaxBody); err != nil {
		return err
	}
	if r.PushTTL < 0 || r.PushTTL > maxTTL {
		return &message.FieldError{Field: "pushTTLSeconds", Problem: "must be 1 to 2419200 (28 days), or left out"}
	}
	if r.Push != nil {
		return checkPush(r.Push, doc)
	}
	if r.Body == "" {
		return &message.FieldError{Field: "body", Problem: "must not be empty in a message without push"}
	}
	return nil
}

func checkTo(to []string) error {
	if len(to) == 0 || len(to) > message.MaxRecipients {
		return &message.FieldError{Field: "to", Problem: fmt.Sprintf("must hold 1 to %d user ids, holds %d", message.MaxRecipients, len(to))}
	}
	seen := make(map[string]bool, len(to))
	for i, u := range to {
		field := fmt.Sprintf("to[%d]", i)
		if err := message.CheckID(field, u); err != nil {
			return err
		}
		if seen[u] {
			return &message.FieldError{Field: field, Problem: "is there twice, name every receiver once"}
		}
		seen[u] = true
	}
	return nil
}

func checkPush(p *message.PushConfig, doc *config.Document) error {
	if p.Title == "" && p.Content == "" && p.Payload == "" {
		return &message.FieldError{Field: "push", Problem: "must have a title, a content or a payload"}
	}
	if err := message.CheckText("push.title", p.Title, maxTitle); err != nil {
		return err
	}
	if err := message.CheckText("push.content", p.Content, maxContent); err != nil {
		return err
	}
	if err := message.CheckText("push.payload", p.Payload, message.MaxPayload); err != nil {
		return err
	}
	return checkResourcesID(p.ResourcesID, doc.Profiles)
}

func checkResourcesID(id string, profiles []config.Profile) error {
	if id == "" || slices.ContainsFunc(profiles, func(p config.Profile) bool { return p.ResourcesID == id }) {
		return nil
	}
	known := make([]string, len(profiles))
	for i, p := range profiles {
		known[i] = p.ResourcesID
	}
	return &message.FieldError{
		Field:   "push.resourcesID",
		Problem: fmt.Sprintf("is no push profile of the app; there are [%s], or leave it out", strings.Join(known, ", ")),
	}
}

// hash is of everything but the client id; equal content has equal hashes.
func (r Request) hash() [32]byte {
	b, _ := json.Marshal([]any{r.From, r.To, r.Body, r.Push, r.PushTTL}) // Plain texts and numbers always encode.
	return sha256.Sum256(b)
}
