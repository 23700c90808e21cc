package vivo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strconv"
	"unicode/utf8"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// maxReceiptURL is vivo's limit of extra.callback, in characters.
const maxReceiptURL = 128

// job is one notification on its way to some phones.
type job struct {
	provider *Provider
	body     body
	// event is what a repetition has in common with the first try.
	event, messageID string
}

// list is the body of pushToList.
type list struct {
	AppID     int64    `json:"appId"`
	RegIDs    []string `json:"regIds"`
	TaskID    string   `json:"taskId"`
	RequestID string   `json:"requestId"`
}

// push returns the outcome of the request, and one for each token that the answer names.
func (j job) push(ctx context.Context, tokens []string) (message.Outcome, map[string]message.Outcome) {
	call := j.many
	if len(tokens) == 1 { // vivo takes no list of one
		call = j.single
	}
	r, o := call(ctx, tokens)
	if o.Class != message.Accepted && o.Class != message.InvalidToken {
		return o, nil
	}
	named := r.named(j.provider.codes, o.HTTPStatus)
	maps.DeleteFunc(named, func(_ string, one message.Outcome) bool { return one.Class == o.Class }) // o has vivo's words
	return o, named
}

// single pushes to one phone.
func (j job) single(ctx context.Context, tokens []string) (reply, message.Outcome) {
	b := j.body
	b.RegID = tokens[0]
	b.RequestID = j.requestID("single", tokens[0])
	note := ""
	b.Extra, note = j.receipts(b)
	r, o := j.provider.ask(ctx, singlePath, b, tokens[0])
	if o.Class == message.Accepted {
		o.Detail = note
	}
	return r, o
}

// many stores the payload and pushes it to the list.
func (j job) many(ctx context.Context, tokens []string) (reply, message.Outcome) {
	b := j.body
	if j.provider.asksInConsole() {
		b.Extra = j.console()
	}
	// Stored again for a repetition, so that its task is a fresh one: this id is no other call's.
	b.RequestID = j.requestID("payload", strconv.FormatInt(j.provider.now().UnixNano(), 10))
	saved, o := j.provider.ask(ctx, savePath, b)
	if o.Class != message.Accepted {
		return reply{}, o
	}
	if saved.TaskID == "" {
		o.Class, o.Detail = message.Transient, "vivo stored the payload and named no task"
		return reply{}, o
	}
	r, o := j.provider.ask(ctx, listPath, list{
		AppID: j.body.AppID, RegIDs: tokens, TaskID: string(saved.TaskID), RequestID: j.requestID("list", tokens...),
	}, tokens...)
	if o.Class == message.Accepted {
		o.VendorMessageID = provider.Words(string(saved.TaskID))
	}
	return r, o
}

// requestID lets vivo drop a repetition of a call. It stands for the event and the phones, so that the rest of a list,
// which is tried again, is not taken for the whole list. Its 64 characters are vivo's limit.
func (j job) requestID(kind string, tokens ...string) string {
	h := sha256.New()
	for _, part := range append([]string{j.event, kind}, tokens...) {
		_, _ = h.Write([]byte(strconv.Itoa(len(part)) + ":" + part)) // never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}

// receipts is what a single push asks for: receipts to the URL that the console knows by its id, else to our own.
func (j job) receipts(b body) (extra map[string]string, note string) {
	p := j.provider
	switch url := p.receiptURL.Reveal(); {
	case url == "":
		return nil, ""
	case p.asksInConsole():
		return j.console(), ""
	case b.PushMode == modeTest:
		return nil, "" // vivo sends none for test messages
	case utf8.RuneCountInString(url) > maxReceiptURL:
		return nil, "no receipts: the receipt URL is longer than vivo's 128 characters; shorten exposure.externalURL or set vivo.receiptID"
	default:
		return map[string]string{"callback": url, "callback.param": j.messageID}, ""
	}
}

func (p *Provider) asksInConsole() bool { return p.receiptID != "" && !p.receiptURL.IsZero() }

func (j job) console() map[string]string {
	return map[string]string{"callback.id": j.provider.receiptID, "callback.param": j.messageID}
}
