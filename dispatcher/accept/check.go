package accept

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
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
	_, isLimited := errors.AsType[*store.LimitedError](err)
	return isField || isLimited || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrBacklogFull) ||
		errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrRecalled)
}

// check leaves out the receivers that break a rule, and gives the first field that breaks its own.
func (r *Request) check(doc *config.Document) (result Result) {
	r.given = r.hash()
	if result.Err = r.checkFields(doc); result.Err == nil {
		result.Problems, result.Err = r.leaveOut()
	}
	return result
}

func (r *Request) checkFields(doc *config.Document) error {
	if err := message.CheckID("clientID", r.ClientID); err != nil {
		return err
	}
	if err := message.CheckID("from", r.From); err != nil {
		return err
	}
	if strings.HasPrefix(r.From, message.ReservedSenders) {
		return &message.FieldError{Field: "from", Problem: "must not begin with " + message.ReservedSenders + ", which is reserved"}
	}
	if err := message.CheckText("body", r.Body, message.MaxBody); err != nil {
		return err
	}
	if r.PushTTL < 0 || r.PushTTL > maxTTL {
		return &message.FieldError{Field: "pushTTLSeconds", Problem: "must be 1 to 2419200 (28 days), or left out"}
	}
	if err := r.checkKind(); err != nil {
		return err
	}
	if err := r.checkMentions(); err != nil {
		return err
	}
	return r.checkContent(doc)
}

func (r *Request) checkContent(doc *config.Document) error {
	if r.Push != nil {
		return CheckPush(r.Push, doc)
	}
	if r.Body == "" && (r.Kind == "" || r.Kind == message.KindChat) {
		return &message.FieldError{Field: "body", Problem: "must not be empty in a message without push"}
	}
	return nil
}

// conversation is that of the message as its receivers see it.
func (r *Request) conversation() message.Conversation {
	return message.Message{Sender: r.From, Detail: r.Detail}.Conversation()
}

// hash is of everything but the client id; equal content has equal hashes, also in versions that know of fewer fields.
func (r *Request) hash() [32]byte {
	if r.Identity != nil {
		b, _ := json.Marshal(r.Identity)
		return sha256.Sum256(b)
	}
	kind := r.Kind
	if kind == message.KindChat {
		kind = ""
	}
	content := []any{r.From, r.To, r.Body, r.Push, r.PushTTL, kind, r.Detail}
	if len(r.PushIDs) > 0 {
		content = append(content, r.PushIDs)
	}
	if x := r.Also.Expansion; x != nil {
		content = append(content, x.Audience)
	}
	b, _ := json.Marshal(content) // Plain texts and numbers always encode.
	return sha256.Sum256(b)
}
