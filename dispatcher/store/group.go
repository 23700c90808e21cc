package store

import (
	"context"
	"errors"
)

// MaxGroupMembers is the largest number of members of one group.
const MaxGroupMembers = 100_000

var (
	// ErrGroupFull says that a group would have more members than MaxGroupMembers.
	ErrGroupFull = errors.New("the group would have too many members")
	// ErrNotMember says that the sender of a group's message is no member.
	ErrNotMember = errors.New("the sender is no member of the group")
)

// Groups keeps groups and who belongs to them. Every change of the members, and every message, raises the group's
// counter of events; a membership is an interval of that counter. So it is fixed with the message who receives it,
// whoever joins or leaves while it is brought to them.
type Groups interface {
	// PutGroup makes the group if there is none, and adds the members.
	PutGroup(ctx context.Context, groupID string, userIDs []string) (GroupChange, error)
	// DeleteGroup ends the group and all memberships, with ErrNotFound. A later group of the same id is another one.
	DeleteGroup(ctx context.Context, groupID string) error
	// AddMembers adds those who are no members yet, with ErrNotFound and ErrGroupFull.
	AddMembers(ctx context.Context, groupID string, userIDs []string) (GroupChange, error)
	// RemoveMembers removes those who are members, with ErrNotFound.
	RemoveMembers(ctx context.Context, groupID string, userIDs []string) (GroupChange, error)
	// Members lists the members behind a key, in order of their keys, with ErrNotFound.
	Members(ctx context.Context, groupID string, after int64, limit int) ([]User, error)
	// GroupsOf lists the groups that the user is a member of, behind a key, in order of their keys.
	GroupsOf(ctx context.Context, userID string, after int64, limit int) ([]Group, error)
}

// GroupChange is the outcome of a change of a group.
type GroupChange struct {
	Created bool
	// Changed counts who was added or removed, Members who is a member now.
	Changed, Members int64
}

// User is a user with the store's key.
type User struct {
	Key int64
	ID  string
}

// Group is a group with the store's key.
type Group struct {
	Key     int64
	ID      string
	Members int64
}
