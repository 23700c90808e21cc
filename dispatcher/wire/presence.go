package wire

// The statuses of a user.
const (
	StatusOnline        = "Online"        // a device has a session, or the app's server reported the user online
	StatusOffline       = "Offline"       // devices are bound, and none of them has a session
	StatusLoggedOut     = "LoggedOut"     // no device is bound any more
	StatusNeverLoggedIn = "NeverLoggedIn" // no device ever was
)

// Presence tells whether a user is online.
type Presence struct {
	UserID string `json:"userID" doc:"The user."`
	Online bool   `json:"online" doc:"Whether the status is Online."`
	Status string `json:"status" enum:"Online,Offline,LoggedOut,NeverLoggedIn" doc:"Online: a device has a session, or the app's server reported the user online. Offline: devices are bound. LoggedOut: none is any more. NeverLoggedIn: none ever was."`
}

// SetPresence reports a user of an app that lives elsewhere.
type SetPresence struct {
	Online     bool  `json:"online" doc:"Whether the user is online elsewhere; false takes an earlier report back."`
	TTLSeconds int32 `json:"ttlSeconds,omitempty" minimum:"1" maximum:"3600" default:"60" doc:"For how many seconds, unless it is reported again. 60 without it."`
}

// QueryPresence asks for the presence of users.
type QueryPresence struct {
	UserIDs []string `json:"userIDs" minItems:"1" maxItems:"100" nullable:"false" doc:"The users to ask for, 1 to 100."`
}

// Presences answers in the order of the question.
type Presences struct {
	Users []Presence `json:"users" nullable:"false" doc:"One for each user, in the order of the request."`
}
