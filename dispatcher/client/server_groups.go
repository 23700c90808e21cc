package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/offlinepush/operator/dispatcher/wire"
)

func groupPath(groupID, rest string) string { return "/v1/groups/" + url.PathEscape(groupID) + rest }

// PutGroup makes a group if there is none, and adds up to 500 members.
func (s *Server) PutGroup(ctx context.Context, groupID string, members []string) (wire.GroupChange, error) {
	var out wire.GroupChange
	err := s.call(ctx, http.MethodPut, groupPath(groupID, ""), wire.PutGroup{Members: members}, &out)
	return out, err
}

// DeleteGroup deletes a group; messages that were accepted before still reach who was a member then.
func (s *Server) DeleteGroup(ctx context.Context, groupID string) error {
	return s.call(ctx, http.MethodDelete, groupPath(groupID, ""), nil, nil)
}

// AddMembers adds up to 500 members; who is one already is left as it is.
func (s *Server) AddMembers(ctx context.Context, groupID string, userIDs []string) (wire.GroupChange, error) {
	return s.changeMembers(ctx, groupPath(groupID, "/members:add"), userIDs)
}

// RemoveMembers removes up to 500 members; who is none is left as it is.
func (s *Server) RemoveMembers(ctx context.Context, groupID string, userIDs []string) (wire.GroupChange, error) {
	return s.changeMembers(ctx, groupPath(groupID, "/members:remove"), userIDs)
}

func (s *Server) changeMembers(ctx context.Context, path string, userIDs []string) (wire.GroupChange, error) {
	var out wire.GroupChange
	err := s.call(ctx, http.MethodPost, path, wire.ChangeMembers{UserIDs: userIDs}, &out)
	return out, err
}

// Members lists the members of a group, page by page.
func (s *Server) Members(ctx context.Context, groupID string) ([]string, error) {
	var members []string
	for cursor := ""; ; {
		var page wire.GroupMembers
		if err := s.call(ctx, http.MethodGet, groupPath(groupID, "/members")+pageQuery(cursor), nil, &page); err != nil {
			return nil, err
		}
		members = append(members, page.UserIDs...)
		if cursor = page.NextCursor; cursor == "" {
			return members, nil
		}
	}
}

// GroupsOf lists the groups of a user, page by page.
func (s *Server) GroupsOf(ctx context.Context, userID string) ([]wire.Group, error) {
	var groups []wire.Group
	for cursor := ""; ; {
		var page wire.UserGroups
		if err := s.call(ctx, http.MethodGet, "/v1/users/"+url.PathEscape(userID)+"/groups"+pageQuery(cursor), nil, &page); err != nil {
			return nil, err
		}
		groups = append(groups, page.Groups...)
		if cursor = page.NextCursor; cursor == "" {
			return groups, nil
		}
	}
}

// SendToGroup sends a message to the members of a group; the same message may be sent again until there is an answer.
func (s *Server) SendToGroup(ctx context.Context, groupID string, m wire.SendGroupMessage) (wire.GroupSent, error) {
	var out wire.GroupSent
	err := s.call(ctx, http.MethodPost, groupPath(groupID, "/messages"), m, &out)
	return out, err
}

// Broadcast sends a message to all users of the app; the same one may be sent again until there is an answer.
func (s *Server) Broadcast(ctx context.Context, b wire.SendBroadcast) (wire.Broadcast, error) {
	var out wire.Broadcast
	err := s.call(ctx, http.MethodPost, "/v1/broadcasts", b, &out)
	return out, err
}

// BroadcastStatus tells how far a broadcast is.
func (s *Server) BroadcastStatus(ctx context.Context, broadcastID string) (wire.Broadcast, error) {
	return s.broadcast(ctx, http.MethodGet, broadcastID, "")
}

// PauseBroadcast stops a broadcast until ResumeBroadcast.
func (s *Server) PauseBroadcast(ctx context.Context, broadcastID string) (wire.Broadcast, error) {
	return s.broadcast(ctx, http.MethodPost, broadcastID, "/pause")
}

// ResumeBroadcast goes on with a broadcast that was paused.
func (s *Server) ResumeBroadcast(ctx context.Context, broadcastID string) (wire.Broadcast, error) {
	return s.broadcast(ctx, http.MethodPost, broadcastID, "/resume")
}

// CancelBroadcast stops a broadcast for good.
func (s *Server) CancelBroadcast(ctx context.Context, broadcastID string) (wire.Broadcast, error) {
	return s.broadcast(ctx, http.MethodPost, broadcastID, "/cancel")
}

func (s *Server) broadcast(ctx context.Context, method, broadcastID, rest string) (wire.Broadcast, error) {
	var out wire.Broadcast
	err := s.call(ctx, method, "/v1/broadcasts/"+url.PathEscape(broadcastID)+rest, nil, &out)
	return out, err
}

// Broadcasts lists the app's broadcasts that are kept, the newest first.
func (s *Server) Broadcasts(ctx context.Context) ([]wire.Broadcast, error) {
	var all []wire.Broadcast
	for cursor := ""; ; {
		var page wire.Broadcasts
		if err := s.call(ctx, http.MethodGet, "/v1/broadcasts"+pageQuery(cursor), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Broadcasts...)
		if cursor = page.NextCursor; cursor == "" {
			return all, nil
		}
	}
}
