package accept

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
)

// Limits of the texts that a vendor shows, in bytes; vendors cut at less.
const (
	maxTitle      = 1 << 10
	maxContent    = 8 << 10
	maxThreadID   = 64
	maxImage      = 1 << 10
	maxHandle     = 256
	maxTemplateID = 64
	maxParameters = 2 << 10
)

// handleTypes are those of CallKit.
func handleTypes() []string { return []string{"Generic", "PhoneNumber", "EmailAddress"} }

// CheckPush gives the first field of a push that breaks its rule, as a *message.FieldError.
func CheckPush(p *message.PushConfig, doc *config.Document) error {
	if p.Title == "" && p.Content == "" && p.Payload == "" {
		return &message.FieldError{Field: "push", Problem: "must have a title, a content or a payload"}
	}
	return cmp.Or(
		message.CheckText("push.title", p.Title, maxTitle),
		message.CheckText("push.content", p.Content, maxContent),
		message.CheckText("push.payload", p.Payload, message.MaxPayload),
		checkResourcesID(p.ResourcesID, doc.Profiles),
		message.CheckText("push.threadID", p.ThreadID, maxThreadID),
		checkImage(p.Image),
		checkBadge(p.BadgeIncrement),
		checkVoIP(p.VoIP),
		checkTemplate(p.Template),
	)
}

func checkResourcesID(id string, profiles []config.Profile) error {
	if id == "" || slices.ContainsFunc(profiles, func(p config.Profile) bool { return p.ResourcesID == id }) {
		return nil
	}
	if len(profiles) == 0 {
		return &message.FieldError{Field: "push.resourcesID", Problem: "names a push profile, but the app has none; leave it out"}
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

func checkImage(image string) error {
	const field = "push.image"
	if image == "" {
		return nil
	}
	if err := message.CheckText(field, image, maxImage); err != nil {
		return err
	}
	if u, err := url.Parse(image); err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return &message.FieldError{Field: field, Problem: "must be an https URL, which vendors and phones can fetch"}
	}
	return nil
}

func checkBadge(increment int32) error {
	if increment < 0 || increment > message.MaxBadgeIncrement {
		return &message.FieldError{Field: "push.badgeIncrement", Problem: fmt.Sprintf("must be 0 to %d", message.MaxBadgeIncrement)}
	}
	return nil
}

func checkVoIP(v *message.VoIP) error {
	const field = "push.voIPConfig."
	switch {
	case v == nil:
		return nil
	case !slices.Contains(handleTypes(), v.HandleType):
		return &message.FieldError{Field: field + "handleType", Problem: "must be one of " + strings.Join(handleTypes(), ", ")}
	case v.HandleValue == "":
		return &message.FieldError{Field: field + "handleValue", Problem: "must not be empty, it is who calls"}
	}
	return message.CheckText(field+"handleValue", v.HandleValue, maxHandle)
}

func checkTemplate(t *message.Template) error {
	const field = "push.privateMessageTemplate."
	if t == nil {
		return nil
	}
	return cmp.Or(
		message.CheckText(field+"templateID", t.ID, maxTemplateID),
		checkParameters(field+"titleParameters", t.TitleParameters),
		checkParameters(field+"contentParameters", t.ContentParameters),
	)
}

// checkParameters wants what every vendor takes: a JSON object of texts.
func checkParameters(field, text string) error {
	if text == "" {
		return nil
	}
	if err := message.CheckText(field, text, maxParameters); err != nil {
		return err
	}
	var parameters map[string]*string
	if json.Unmarshal([]byte(text), &parameters) != nil || parameters == nil || hasNull(parameters) {
		return &message.FieldError{Field: field, Problem: `must be a JSON object of texts, such as {"name": "Anna"}`}
	}
	return nil
}

func hasNull(parameters map[string]*string) bool {
	for _, v := range parameters {
		if v == nil {
			return true
		}
	}
	return false
}
