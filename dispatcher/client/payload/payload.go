// Package payload reads pushes where each vendor's client puts them on the
// phone. It is the reference for apps in other languages: a function per vendor
// turns what that client hands to the app into one form.
package payload

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// ErrForeign says that a push is not a dispatcher's: the app looks at it by itself.
var ErrForeign = errors.New("the push is not from a dispatcher")

// Raw is a push as a vendor's client hands it to the app. The functions of the vendors say what belongs where.
type Raw struct {
	// Title and Content are of the notification that the system shows; empty for a push that shows nothing.
	Title, Content string
	// Values are the texts by their keys: a data map, or the extras of the intent that a tap opens.
	Values map[string]string
	// Text is JSON, where the client hands over one text instead of values.
	Text string
}

// Payload is a push as the app uses it.
type Payload struct {
	Title, Content string
	// Payload is the sender's, as it is.
	Payload  string
	Envelope Envelope
	// VoIP describes a call to CallKit; nil elsewhere.
	VoIP *wire.VoIPConfig
}

// Envelope tells which message a push is about and for whom it is.
type Envelope struct {
	Version   int    `json:"version"`
	MessageID string `json:"messageID"`
	// User is message.UserHash of the receiver; empty in a request that was for several users.
	User string `json:"user"`
	// Operation is what the push does to what the phone shows, such as recall or cancel_invitation, and Of the message
	// that it does it to; both are empty for a push that shows something of its own.
	Operation string `json:"operation,omitempty"`
	Of        string `json:"of,omitempty"`
	// CallID is the call invitation that it is about, and ExpiresAt when that stops ringing, in Unix milliseconds.
	CallID    string `json:"callID,omitempty"`
	ExpiresAt int64  `json:"expiresAt,omitempty"`
}

// For reports whether the push may be for the user: it is, or it does not say for whom it is.
func (e Envelope) For(appID, userID string) bool {
	return e.User == "" || userID != "" && e.User == message.UserHash(appID, userID)
}

// readers are the functions below by the vendor's name in the API.
var readers = map[string]func(Raw) (Payload, error){
	"FCM": FCM, "Xiaomi": Xiaomi, "Huawei": Huawei, "HarmonyOS": HarmonyOS, "OPPO": OPPO,
	"Vivo": Vivo, "Honor": Honor, "Meizu": Meizu, "APNs": APNs, "WebPush": WebPush,
}

// Read reads a push of the vendor with this name in the API. A push without a
// good envelope is ErrForeign.
func Read(vendor string, r Raw) (Payload, error) {
	read, ok := readers[vendor]
	if !ok {
		return Payload{}, fmt.Errorf("vendor: %q is none that pushes can be read of", vendor)
	}
	return read(r)
}

// FCM reads RemoteMessage: the texts of its notification, and getData as Values, which are also the extras of the
// intent of a tap. A data message has title and body in them.
func FCM(r Raw) (Payload, error) { return fromValues(r, r.Values) }

// Xiaomi reads MiPushMessage: getTitle, getDescription, and getExtra as Values.
func Xiaomi(r Raw) (Payload, error) { return fromValues(r, r.Values) }

// Vivo reads the extras of the intent of a tap as Values.
func Vivo(r Raw) (Payload, error) { return fromValues(r, r.Values) }

// Huawei reads RemoteMessage.getDataOfMap, or the extras of the intent of a tap, as Values; or getData as Text.
func Huawei(r Raw) (Payload, error) { return fromEither(r) }

// HarmonyOS reads want.parameters of a tap as Values, or the data of receiveMessage as Text.
func HarmonyOS(r Raw) (Payload, error) { return fromEither(r) }

// OPPO reads the extras of the intent of a tap as Values, or DataMessage.getDataExtra as Text.
func OPPO(r Raw) (Payload, error) { return fromEither(r) }

// Honor reads the extra "data" of the intent of a tap, or HonorPushDataMsg.getData, as Text.
func Honor(r Raw) (Payload, error) { return fromEither(r) }

// Meizu reads the extras of the intent of a tap as Values, or MzPushMessage.getSelfDefineContentString as Text.
func Meizu(r Raw) (Payload, error) { return fromEither(r) }

// APNs reads userInfo, or the dictionaryPayload of PushKit, as JSON in Text.
func APNs(r Raw) (Payload, error) {
	var info struct {
		APS struct {
			Alert json.RawMessage `json:"alert"`
		} `json:"aps"`
		Title    string           `json:"title"`
		Body     string           `json:"body"`
		Payload  string           `json:"payload"`
		Envelope json.RawMessage  `json:"offlinepush"`
		VoIP     *wire.VoIPConfig `json:"voip"`
	}
	if json.Unmarshal([]byte(r.Text), &info) != nil {
		return Payload{}, ErrForeign
	}
	var alert struct {
		Title string `json:"title"`
		Body  string `json:"body"`
	}
	_ = json.Unmarshal(info.APS.Alert, &alert) // A background push has none.
	e, err := openEnvelope(info.Envelope)
	return Payload{
		Title: cmp.Or(alert.Title, info.Title), Content: cmp.Or(alert.Body, info.Body),
		Payload: info.Payload, Envelope: e, VoIP: info.VoIP,
	}, err
}

// WebPush reads event.data.text() of the service worker as Text.
func WebPush(r Raw) (Payload, error) {
	var event struct {
		Title string `json:"title"`
		Body  string `json:"body"`
		Data  struct {
			Payload  string          `json:"payload"`
			Envelope json.RawMessage `json:"offlinepush"`
		} `json:"data"`
	}
	if json.Unmarshal([]byte(r.Text), &event) != nil {
		return Payload{}, ErrForeign
	}
	e, err := openEnvelope(event.Data.Envelope)
	return Payload{Title: event.Title, Content: event.Body, Payload: event.Data.Payload, Envelope: e}, err
}

func fromEither(r Raw) (Payload, error) {
	if r.Text == "" {
		return fromValues(r, r.Values)
	}
	var object map[string]any
	if json.Unmarshal([]byte(r.Text), &object) != nil {
		return Payload{}, ErrForeign
	}
	values := map[string]string{}
	for key, value := range object {
		if text, ok := value.(string); ok {
			values[key] = text
		}
	}
	return fromValues(r, values)
}

func fromValues(r Raw, values map[string]string) (Payload, error) {
	e, err := openEnvelope([]byte(values["offlinepush"]))
	return Payload{
		Title: cmp.Or(r.Title, values["title"]), Content: cmp.Or(r.Content, values["body"]),
		Payload: values["payload"], Envelope: e,
	}, err
}

// openEnvelope reads an envelope of this version or of a later one, which keeps these fields.
func openEnvelope(b []byte) (Envelope, error) {
	var e Envelope
	if json.Unmarshal(b, &e) != nil || e.Version < 1 || e.MessageID == "" {
		return Envelope{}, ErrForeign
	}
	return e, nil
}
