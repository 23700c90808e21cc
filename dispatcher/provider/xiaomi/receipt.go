package xiaomi

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// receiptTypes asks for every kind of receipt: delivered, clicked, target invalid, push disabled, filtered, over quota.
const receiptTypes = "243"

// maxReceiptLink is Xiaomi's limit of a callback's URL, in bytes.
const maxReceiptLink = 256

// report is what a callback says of a message.
type report struct {
	Param   string `json:"param"`
	Targets string `json:"targets"`
	// Type and Timestamp are numbers or text.
	Type      json.RawMessage `json:"type"`
	Timestamp json.RawMessage `json:"timestamp"`
}

// Receipts reads a callback: a form whose field data is a JSON object of reports by message id, or that object alone. Xiaomi
// signs nothing, so the secret in the URL is the only proof.
func Receipts(_ config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	data := bytes.TrimSpace(c.Body)
	if !bytes.HasPrefix(data, []byte("{")) {
		form, err := url.ParseQuery(string(data))
		if err != nil || form.Get("data") == "" {
			return nil, errors.New("body: is no form with the field data that Xiaomi posts")
		}
		data = []byte(form.Get("data"))
	}
	var reports map[string]report
	if json.Unmarshal(data, &reports) != nil {
		return nil, errors.New("data: is not the JSON object that Xiaomi posts")
	}
	var receipts []provider.Receipt
	for _, id := range slices.Sorted(maps.Keys(reports)) {
		receipts = append(receipts, reports[id].receipts(id)...)
	}
	return receipts, nil
}

func (r report) receipts(id string) []provider.Receipt {
	kind := provider.Scalar(r.Type)
	one := provider.Receipt{
		MessageID: r.Param, VendorMessageID: id, Code: provider.Words(kind), At: provider.Millis(provider.Scalar(r.Timestamp)),
	}
	one.Event, one.Reason = event(kind)
	return one.ForTokens(r.Targets)
}

// event says what a type of receipt means. One that is not known means no good.
func event(kind string) (provider.Event, string) {
	switch kind {
	case "1":
		return provider.Delivered, "The push reached the phone."
	case "2":
		return provider.Clicked, "The user tapped on the push."
	case "16":
		return provider.TokenInvalid, "The registration id is dead. The app registers its new id when it starts."
	case "32":
		return provider.Dropped, "The user does not allow the app's notifications."
	case "64":
		return provider.Dropped, "The phone does not fit the push's conditions."
	case "128":
		return provider.Dropped, "The pushes of the day are used up. Move chat messages to a private category (channelID), which has no quota."
	case "1024":
		return provider.Dropped, "The phone did not come online while the push was kept."
	}
	return provider.Dropped, ""
}
