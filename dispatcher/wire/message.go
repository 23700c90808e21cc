package wire

import "time"

// MaxBatch is the largest number of messages of one batch.
const MaxBatch = 500

// SendMessage is a peer message to up to 100 users.
type SendMessage struct {
	ClientID       string   `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request. The same (from, clientID) with the same content is answered like the first time; with other content it is id_conflict."`
	From           string   `json:"from" minLength:"1" maxLength:"64" doc:"The sender's user id."`
	To             []string `json:"to" minItems:"1" maxItems:"100" nullable:"false" doc:"The receivers' user ids, each once."`
	Body           string   `json:"body,omitempty" maxLength:"32768" doc:"The chat body, at most 32 KiB; it goes to sessions and never to a vendor."`
	Push           *Push    `json:"push,omitempty" doc:"What an offline device shows; without it nothing is pushed."`
	PushTTLSeconds int32    `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push; the app's default without it."`
}

// Push is what an offline device shows.
type Push struct {
	Title       string `json:"title,omitempty" maxLength:"256"`
	Content     string `json:"content,omitempty" maxLength:"2048"`
	Payload     string `json:"payload,omitempty" maxLength:"3072" doc:"Opaque to everyone but the receiving app, at most 3072 bytes."`
	ResourcesID string `json:"resourcesID,omitempty" maxLength:"32" doc:"Names one of the app's push profiles; without it the push is a plain alert."`
}

// Sent is the answer to an accepted message: it is stored and its pushes are decided.
type Sent struct {
	MessageID  string      `json:"messageID" doc:"The UUIDv7 of the message."`
	Duplicate  bool        `json:"duplicate" doc:"Whether this request was accepted before."`
	Recipients []Recipient `json:"recipients" nullable:"false" doc:"In the order of to."`
}

// Recipient is a receiver and the message's place in the inbox.
type Recipient struct {
	UserID string `json:"userID"`
	Seq    int64  `json:"seq,omitempty" doc:"Counts the messages of this user from 1 without gaps."`
}

// SendBatch is a batch of messages; each is accepted or refused alone.
type SendBatch struct {
	Messages []SendMessage `json:"messages" minItems:"1" maxItems:"500" nullable:"false"`
}

// BatchResults answers a batch, in its order.
type BatchResults struct {
	Results []BatchResult `json:"results" nullable:"false"`
}

// BatchResult holds exactly one of sent and problem.
type BatchResult struct {
	Sent    *Sent    `json:"sent,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// Trace is what became of a message.
type Trace struct {
	MessageID string        `json:"messageID"`
	Devices   []TraceDevice `json:"devices" nullable:"false"`
}

// TraceDevice is one device of one receiver, or a receiver without a device.
type TraceDevice struct {
	UserID          string    `json:"userID"`
	PushID          string    `json:"pushID,omitempty"`
	Channel         string    `json:"channel,omitempty" doc:"The app's channel row."`
	State           string    `json:"state" enum:"Handed,Suppressed,Failed,Expired,Cancelled,Quarantined,Pending"`
	Reason          string    `json:"reason,omitempty" doc:"Why; a rule of the dispatcher or the class of the vendor's answer."`
	Code            string    `json:"code,omitempty" doc:"The vendor's own code."`
	Detail          string    `json:"detail,omitempty" doc:"The vendor's own words."`
	VendorMessageID string    `json:"vendorMessageID,omitempty"`
	At              time.Time `json:"at"`
}
