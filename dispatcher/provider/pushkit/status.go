package pushkit

import "github.com/offlinepush/operator/dispatcher/provider"

// Status is a row of the table of receipts.
type Status struct {
	// Code is the receipt's status. Of a receipt, a subStatus follows it behind a slash.
	Code   string
	Event  provider.Event
	Reason string
}

// statusIndex finds the row of a code.
var statusIndex = indexStatuses()

func indexStatuses() map[string]Status {
	index := map[string]Status{}
	for _, s := range Statuses() {
		index[s.Code] = s
	}
	return index
}

// Statuses is the table of the receipts of both services.
func Statuses() []Status {
	return []Status{
		{"0", provider.Delivered, "The push reached the phone."},
		{"2", provider.TokenInvalid, "The app is not installed."},
		{"5", provider.TokenInvalid, "The token is not of this phone or user."},
		{"6", provider.Dropped, "The user turned notifications off."},
		{"10", provider.Dropped, "The phone was not active for 30 days."},
		{"14", provider.Dropped, "Huawei gives no reason."},
		{"15", provider.Dropped, "A later push replaced it before the phone was back, or more than 120 waited."},
		{"22", provider.Dropped, "The push is for another user of the phone."},
		{"27", provider.Dropped, "The app is not running; the data waits for its start."},
		{"31", provider.Dropped, "The page is not in the app, or not in its version."},
		{"51", provider.Dropped, "The phone was not unlocked since its start."},
		{"102", provider.Dropped, "The app's 3000 pushes of the day to the phone are used up."},
		{"144", provider.Dropped, "The profile id is missing."},
		{"201", provider.Dropped, "Huawei held it back: the token does not match, notifications are off, or the app was removed."},
		{"256", provider.Dropped, "The phone's pushes of the category are used up for the day, or Huawei punishes the app."},
	}
}
