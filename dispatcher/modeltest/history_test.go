package modeltest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/offlinepush/operator/dispatcher/message"
)

// How large the world of a history is.
const (
	users  = 3
	phones = 4
)

// step is one thing that happens. Its numbers mean what the verb makes of them;
// one that finds nothing to do does nothing, so that any part of a history is one.
type step struct {
	Do   verb
	P, N int // a phone, and a detail
	U    int // a user
}

func (s step) String() string { return fmt.Sprintf("{%s, %d, %d, %d}", s.Do, s.P, s.N, s.U) }

// GoString is for what rapid prints of a draw.
func (s step) GoString() string { return s.String() }

// verb is a kind of step.
type verb string

// The verbs.
const (
	nothing verb = "nothing" // what a step shrinks to
	// Phones.
	install    verb = "install"    // P registers anew with its token
	steal      verb = "steal"      // P registers anew with the token of phone N
	rotate     verb = "rotate"     // P has another token
	adopt      verb = "adopt"      // P is given the token of phone N
	bind       verb = "bind"       // P binds to user U
	bindServer verb = "bindServer" // the app's server binds P to user U
	logout     verb = "logout"     // P unbinds
	unbind     verb = "unbind"     // the app's server unbinds P
	unregister verb = "unregister" // P goes
	// Sessions.
	open     verb = "open"     // P logs in as user U; it acknowledges by itself where N is odd
	reread   verb = "reread"   // like open, and reads its inbox from the beginning
	hangUp   verb = "hangUp"   // P closes its session, in good order where N is odd
	silence  verb = "silence"  // P keeps still; it does not even read where N is odd
	ack      verb = "ack"      // P acknowledges what it has
	presence verb = "presence" // the app's server asks for user U
	// Messages: from user P, or the server where there is none, to the set U of users.
	sendPush   verb = "sendPush"   // with a push
	sendPlain  verb = "sendPlain"  // without a push
	sendForce  verb = "sendForce"  // with a push despite most rules
	sendNever  verb = "sendNever"  // with a push that the app shows by itself
	burst      verb = "burst"      // N%4+2 messages at once
	race       verb = "race"       // with a push, while P changes
	resend     verb = "resend"     // the last request again
	recall     verb = "recall"     // the chat message N%3 from the end is taken back, with another push where U is odd
	edit       verb = "edit"       // the chat message N%3 from the end has another body
	pushUser   verb = "pushUser"   // a push without a message
	pushDevice verb = "pushDevice" // one to the devices of phones N and U, whoever has them
	apply      verb = "apply"      // an application
	// Groups: of one, the set U of users.
	join      verb = "join"      // they become members; there is a group then where N is odd
	part      verb = "part"      // they are members no more
	disband   verb = "disband"   // it is deleted
	sendGroup verb = "sendGroup" // user P sends a message to it, what is special by N
	churn     verb = "churn"     // two such messages, with a part between them, and a join behind them
	broadcast verb = "broadcast" // a message of user P to all, its mode by N, without a push where U is 0
	// Calls: of user P, from phone P where that is the user's, in the call N%2 from the end.
	callUp  verb = "callUp"  // the set U of users is invited, for a time and with a push by N; where N is 7 the last call once more
	invite  verb = "invite"  // the set U of users is invited to it besides
	pickUp  verb = "pickUp"  // P accepts
	decline verb = "decline" // P rejects
	cancel  verb = "cancel"  // the invitations of the set U of users are taken back, of all where it is empty
	leave   verb = "leave"   // P quits
	end     verb = "end"     // P ends it for all
	// Users.
	wishes    verb = "wishes"    // user U wants N of pushes
	mute      verb = "mute"      // user U mutes the conversation with user P or, where there is none, of the group, or does not any more where N is odd
	elsewhere verb = "elsewhere" // the app's server reports user U online for N times 9 s
	// Vendors.
	answer verb = "answer" // the next N%4+1 calls for P get the class U
	slow   verb = "slow"   // the row N takes U steps of its time for a call
	heal   verb = "heal"   // all vendors work again
	// The node.
	wait    verb = "wait"    // a while, by N
	restart verb = "restart" // the dispatcher drains and starts again
	crash   verb = "crash"   // the dispatcher is killed and starts again
)

// action is what a verb does and how often it is drawn.
type action struct {
	do     func(w *world, s step, p *phone)
	weight int
}

// actions has every verb but nothing.
func actions() map[verb]action {
	return map[verb]action{
		install: {(*world).doInstall, 6}, steal: {(*world).doSteal, 2},
		rotate: {(*world).doRotate, 2}, adopt: {(*world).doAdopt, 1},
		bind: {(*world).doBind, 5}, bindServer: {(*world).doBindServer, 2},
		logout: {(*world).doLogout, 3}, unbind: {(*world).doUnbind, 1}, unregister: {(*world).doUnregister, 1},
		open: {(*world).doOpen, 8}, reread: {(*world).doOpen, 1}, hangUp: {(*world).doHangUp, 3},
		silence: {(*world).doSilence, 2}, ack: {(*world).doAck, 4}, presence: {(*world).doPresence, 2},
		sendPush: {(*world).doSend, 16}, sendPlain: {(*world).doSend, 3},
		sendForce: {(*world).doSend, 3}, sendNever: {(*world).doSend, 1}, burst: {(*world).doBurst, 2}, race: {(*world).doRace, 4},
		resend: {(*world).doResend, 1},
		recall: {(*world).doRecall, 4}, edit: {(*world).doEdit, 1},
		pushUser: {(*world).doPushUser, 3}, pushDevice: {(*world).doPushDevice, 3}, apply: {(*world).doApply, 3},
		join: {(*world).doJoin, 4}, part: {(*world).doPart, 2}, disband: {(*world).doDisband, 1},
		sendGroup: {(*world).doSendGroup, 5}, churn: {(*world).doChurn, 3}, broadcast: {(*world).doBroadcast, 3},
		callUp: {(*world).doCallUp, 7}, invite: {(*world).doCallStep, 2}, pickUp: {(*world).doCallStep, 4}, decline: {(*world).doCallStep, 2},
		cancel: {(*world).doCallStep, 4}, leave: {(*world).doCallStep, 2}, end: {(*world).doCallStep, 2},
		wishes: {(*world).doWish, 4}, mute: {(*world).doMute, 3}, elsewhere: {(*world).doReport, 2},
		answer: {(*world).doAnswer, 5}, slow: {(*world).doSlow, 2}, heal: {(*world).doHeal, 1},
		wait: {(*world).doWait, 10}, restart: {(*world).doRestart, 1}, crash: {(*world).doCrash, 1},
	}
}

// waits are what a wait may take; around the windows of the configuration, and beyond.
func waits() []time.Duration {
	return []time.Duration{
		100 * time.Millisecond, time.Second, ackWindow - 200*time.Millisecond, ackWindow + 200*time.Millisecond, 7 * time.Second, 40 * time.Second,
	}
}

// classes are what vendors answer besides Accepted.
func classes() []message.Class {
	return []message.Class{
		message.Transient, message.InvalidToken, message.Rejected, message.Throttled, message.Unknown,
		message.AuthExpired, message.CredentialRejected, lost,
	}
}

// lost stands for a push that the vendor took and whose answer never came.
const lost message.Class = "lost"

// forgotten stands for an answer that a process did not note before it was killed.
const forgotten message.Class = "forgotten"

// histories draws histories. They begin with phones, so that the rest is about something.
func histories() *rapid.Generator[[]step] {
	bag := []verb{nothing}
	all := actions()
	for _, v := range slices.Sorted(maps.Keys(all)) {
		bag = append(bag, slices.Repeat([]verb{v}, all[v].weight)...)
	}
	one := rapid.Custom(func(t *rapid.T) step {
		return step{
			Do: rapid.SampledFrom(bag).Draw(t, "verb"), P: rapid.IntRange(0, phones-1).Draw(t, "P"),
			N: rapid.IntRange(0, 7).Draw(t, "N"), U: rapid.IntRange(0, 7).Draw(t, "U"),
		}
	})
	return rapid.Custom(func(t *rapid.T) []step {
		return append(installed(), rapid.SliceOfN(one, 15, 50).Draw(t, "steps")...)
	})
}

// installed is the beginning of every history: each phone has the app and a user, and there is a group.
func installed() (all []step) {
	for p := range phones {
		all = append(all, step{Do: install, P: p}, step{Do: bind, P: p, U: p % users})
	}
	return append(all, step{Do: join, N: 1, U: 3})
}

// literal is the history as Go, for the table of known ones.
func literal(all []step) string {
	var b strings.Builder
	for _, s := range all {
		if s.Do == nothing {
			continue
		}
		fmt.Fprintf(&b, "\t%v,\n", s)
	}
	return b.String()
}
