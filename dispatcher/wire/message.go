package wire

import "time"

// MaxBatch is the largest number of messages of one batch.
const MaxBatch = 500

// SendMessage is a peer message to up to 100 users.
type SendMessage struct {
	ClientID       string   `json:"clientID" minLength:"1" maxLength:"64" doc:"The sender's own id of this request. The same (from, clientID) with the same content is answered like the first time; with other content it is id_conflict."`
	From           string   `json:"from" minLength:"1" maxLength:"64" doc:"The sender's user id. It must not begin with offlinepush:, which is reserved."`
	To             []string `json:"to" minItems:"1" maxItems:"100" nullable:"false" doc:"The receivers' user ids, each once. One that breaks a rule is left out and has a problem in the answer; the request is refused when none remains."`
	Kind           string   `json:"kind,omitempty" enum:"Chat,Command,Room" default:"Chat" doc:"What the message is to the app. Command and Room never push. Chat without it."`
	Body           string   `json:"body,omitempty" maxLength:"32768" doc:"The chat body, at most 32 KiB, none without it; it goes to sessions and never to a vendor."`
	Push           *Push    `json:"push,omitempty" doc:"What an offline device shows; without it nothing is pushed."`
	PushTTLSeconds int32    `json:"pushTTLSeconds,omitempty" minimum:"1" maximum:"2419200" doc:"How long to try to push, in seconds, at most 28 days. Without it spec.routing.pushTTLSeconds of the PushApp counts, a day by default."`
}

// Push is what an offline device shows.
type Push struct {
	Title       string `json:"title,omitempty" maxLength:"256" doc:"The title that the phone shows, at most 256 characters. A push needs a title, a content or a payload."`
	Content     string `json:"content,omitempty" maxLength:"2048" doc:"The text that the phone shows, at most 2048 characters; vendors cut at less. None without it."`
	Payload     string `json:"payload,omitempty" maxLength:"3072" doc:"Opaque to everyone but the receiving app, at most 3072 bytes. None without it."`
	ResourcesID string `json:"resourcesID,omitempty" maxLength:"32" doc:"The name of one of the app's push profiles, which holds sound, channel and the like for each vendor. Without it the push is a plain alert."`
	ThreadID    string `json:"threadID,omitempty" maxLength:"64" doc:"Groups notifications on iOS, at most 64 bytes; other vendors ignore it. Not grouped without it."`
	Image       string `json:"image,omitempty" maxLength:"1024" doc:"The https URL of a picture beside the text, at most 1024 bytes, where the vendor shows one; none without it."`
	// EnableBadge and BadgeIncrement are two fields, as in ZIM.
	EnableBadge            bool                    `json:"enableBadge,omitempty" doc:"Whether the push changes the number on the app's icon; not without it."`
	BadgeIncrement         int32                   `json:"badgeIncrement,omitempty" minimum:"0" default:"0" doc:"By how much the number grows with enableBadge; 0 without it, and more than 99 counts as 99."`
	VoIPConfig             *VoIPConfig             `json:"voIPConfig,omitempty" doc:"What CallKit shows for a VoIP push of APNs; other pushes ignore it."`
	PrivateMessageTemplate *PrivateMessageTemplate `json:"privateMessageTemplate,omitempty" doc:"Fills in an approved private-message template of OPPO or Xiaomi; without it nothing is filled in."`
	Mode                   string                  `json:"mode,omitempty" enum:"Force,Never" doc:"Force pushes despite do-not-disturb, quiet hours and platform rules. Never sends nothing to vendors: the app shows it by itself. Without it the receivers' rules count."`
}

// VoIPConfig describes a call to CallKit.
type VoIPConfig struct {
	HandleType  string `json:"handleType" enum:"Generic,PhoneNumber,EmailAddress" doc:"What kind of name handleValue is."`
	HandleValue string `json:"handleValue" minLength:"1" maxLength:"256" doc:"Who calls: a name, a phone number or an e-mail address, 1 to 256 bytes."`
	HasVideo    bool   `json:"hasVideo,omitempty" doc:"Whether it is a video call; a voice call without it."`
}

// PrivateMessageTemplate fills in an approved private-message template.
type PrivateMessageTemplate struct {
	TemplateID        string `json:"templateID,omitempty" maxLength:"64" doc:"OPPO's template; without it that of the push profile. Xiaomi's is that of the push profile always."`
	TitleParameters   string `json:"titleParameters,omitempty" maxLength:"2048" doc:"A JSON object of texts by the names in the template, at most 2048 bytes; nothing is filled in without it."`
	ContentParameters string `json:"contentParameters,omitempty" maxLength:"2048" doc:"A JSON object of texts by the names in the template, at most 2048 bytes; nothing is filled in without it."`
}

// Sent is the answer to an accepted message: it is stored and its pushes are decided.
type Sent struct {
	MessageID  string      `json:"messageID" doc:"The UUIDv7 of the message; of a repeated request, that of the first one."`
	Duplicate  bool        `json:"duplicate" doc:"Whether this request was accepted before."`
	Recipients []Recipient `json:"recipients" nullable:"false" doc:"In the order of to; of a recall or edit, those of the message."`
}

// Recipient is a receiver and the message's place in the inbox.
type Recipient struct {
	UserID string `json:"userID" doc:"The receiver."`
	Seq    int64  `json:"seq,omitempty" doc:"The message's place in the receiver's inbox, which counts from 1 without gaps; absent for a receiver that was left out."`
	// Problem is of a receiver that was left out, who has no Seq.
	Problem string `json:"problem,omitempty" doc:"Why this receiver was left out; absent for one to whom the message went."`
}

// SendBatch is a batch of messages; each is accepted or refused alone.
type SendBatch struct {
	Messages []SendMessage `json:"messages" minItems:"1" maxItems:"500" nullable:"false" doc:"1 to 500 messages, each as for send-message."`
}

// BatchResults answers a batch, in its order.
type BatchResults struct {
	Results []BatchResult `json:"results" nullable:"false" doc:"One for each message, in the order of the request."`
}

// BatchResult holds exactly one of sent and problem.
type BatchResult struct {
	Sent    *Sent    `json:"sent,omitempty" doc:"The answer to an accepted message, as of send-message; absent when it was refused."`
	Problem *Problem `json:"problem,omitempty" doc:"Why the message was refused; absent when it was accepted."`
}

// Trace is what became of a message.
type Trace struct {
	MessageID string        `json:"messageID" doc:"The message of the request."`
	Kind      string        `json:"kind,omitempty" enum:"Chat,Command,Room,Edit,Recall,Call,Application,Push,Broadcast,Rule" doc:"What the message is to the app; absent once it is older than the retention of messages."`
	Of        string        `json:"of,omitempty" doc:"The message that this one edits or recalls; absent for others."`
	Recalled  bool          `json:"recalled,omitempty" doc:"Whether its sender took it back; absent means no."`
	Devices   []TraceDevice `json:"devices" nullable:"false" doc:"One line for each device of each receiver, or for a receiver without a device."`
}

// TraceDevice is one device of one receiver, or a receiver without a device.
type TraceDevice struct {
	UserID          string    `json:"userID" doc:"The receiver."`
	PushID          string    `json:"pushID,omitempty" doc:"The device; absent for a receiver without one."`
	Channel         string    `json:"channel,omitempty" doc:"The app's channel row that serves the device; absent when none does or nothing was to be pushed."`
	Rule            string    `json:"rule,omitempty" doc:"The rule that decided to push or not to; docs/rules.md lists all."`
	State           string    `json:"state" enum:"Handed,Suppressed,Failed,Expired,Cancelled,Quarantined,Pending" doc:"Handed: the vendor took the push. Suppressed: a rule decided not to push. Failed: the vendor refused it for good. Expired: it was not possible in time. Cancelled: it was not needed any more. Quarantined: the device has no token that works. Pending: it waits."`
	Reason          string    `json:"reason,omitempty" doc:"Why it is in this state: a rule of the dispatcher, or the class of the vendor's answer."`
	Code            string    `json:"code,omitempty" doc:"The vendor's own code; absent when the vendor has not answered."`
	Detail          string    `json:"detail,omitempty" doc:"The vendor's own words, at most 256 characters; absent when there are none."`
	VendorMessageID string    `json:"vendorMessageID,omitempty" doc:"The vendor's id of the push, for questions to the vendor; absent when it gave none."`
	At              time.Time `json:"at" doc:"When the device came into this state."`
	Receipts        []Receipt `json:"receipts,omitempty" nullable:"false" doc:"What the vendor reported of the push since, oldest first; absent when nothing."`
}

// Receipt is one event of a push that its vendor reported.
type Receipt struct {
	Event  string    `json:"event" enum:"Delivered,Clicked,Dropped,InvalidToken" doc:"Delivered: the push reached the phone. Clicked: the user tapped on it. Dropped: it will not be shown. InvalidToken: it was dropped because the token is dead."`
	Code   string    `json:"code,omitempty" doc:"The vendor's own code; absent when it has none."`
	Reason string    `json:"reason,omitempty" doc:"What the code means; absent when there is nothing to say."`
	At     time.Time `json:"at" doc:"When it happened, as the vendor says; when the report came, if it does not say."`
}
