package accept

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

const maxTTL = 28 * 24 * time.Hour

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
	if strings.HasPrefix(r.From, message.ReservedSenders) {
		return &message.FieldError{Field: "from", Problem: "must not begin with " + message.ReservedSenders + ", which is reserved"}
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
	return r.checkContent(doc)
}

func (r Request) checkContent(doc *config.Document) error {
	if r.Push != nil {
		return CheckPush(r.Push, doc)
	}
	if r.Body == "" && (r.Kind == "" || r.Kind == message.KindChat) {
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

// conversation is that of the message as its receivers see it.
func (r Request) conversation() message.Conversation {
	return message.Message{Sender: r.From, Detail: r.Detail}.Conversation()
}

// hash is of everything but the client id; equal content has equal hashes.
func (r Request) hash() [32]byte {
	b, _ := json.Marshal([]any{r.From, r.To, r.Body, r.Push, r.PushTTL, r.Kind, r.Detail}) // Plain texts and numbers always encode.
	return sha256.Sum256(b)
}
