package phone

import "time"

// Kind tells what a push does on a phone.
type Kind string

// The kinds of pushes.
const (
	// Notification is shown by the system.
	Notification Kind = "notification"
	// Data is handed to the app and shows nothing.
	Data Kind = "data"
)

// Event is what happens to a push on a phone.
type Event int

// The events that vendors report.
const (
	Delivered Event = iota
	Clicked
	Disabled
)

// Content is what a phone's app and its user get, read the way the vendor's client reads it.
type Content struct {
	MessageID string `json:"messageID"`
	Kind      Kind   `json:"type"`
	Title     string `json:"title,omitempty"`
	Content   string `json:"content,omitempty"`
	// Payload is what the app finds where the vendor's client puts it.
	Payload string `json:"payload,omitempty"`
	// MessageContent is what Xiaomi's MiPushMessage.getContent returns, and elsewhere the whole text that the vendor's
	// client hands over: Honor's data, iOS's userInfo as JSON, the text of a browser's push event.
	MessageContent string            `json:"messageContent,omitempty"`
	Data           map[string]string `json:"data,omitempty"`
	Sound          string            `json:"sound,omitempty"`
	Channel        string            `json:"channel,omitempty"`
	// Category is the class of messages that the vendor was told.
	Category string `json:"category,omitempty"`
	// Click is what a tap opens: nothing for the app itself, else the vendor's page or URL.
	Click string `json:"click,omitempty"`
	// Image is the picture beside the text, Thread the group on iOS.
	Image  string `json:"image,omitempty"`
	Thread string `json:"thread,omitempty"`
	// Badge is the number on the app's icon after this push, as the phone computes it; nil leaves it.
	Badge *int32 `json:"badge,omitempty"`
	// ReplaceID is the tag or notify id: the newest of each is the one to be seen.
	ReplaceID string `json:"replaceID,omitempty"`
	// DedupID lets the phone drop a repetition.
	DedupID string `json:"dedupID,omitempty"`
}

// Push is a message on its way to one phone.
type Push struct {
	Content
	// CollapseKey keeps one waiting push of its kind, as FCM does for phones that are offline.
	CollapseKey string
	// TTL is how long an offline phone may take to come back; 0 is now or never.
	TTL time.Duration
	// Report, if set, hears what happens. It must not block.
	Report func(Event)
}

// Arrival is a push that reached a phone.
type Arrival struct {
	Seq int64 `json:"seq"`
	Content
	// Replaces is the arrival whose place in the tray this one took.
	Replaces int64 `json:"replaces,omitempty"`
	// DuplicateOf is the arrival that this one repeats. A duplicate is not shown.
	DuplicateOf int64     `json:"duplicateOf,omitempty"`
	SentAt      time.Time `json:"sentAt"`
	ArrivedAt   time.Time `json:"arrivedAt"`

	report func(Event)
}

func (p Push) tell(e Event) {
	if p.Report != nil {
		p.Report(e)
	}
}
