package config_test

import (
	"context"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

func TestUserRoles(t *testing.T) {
	t.Parallel()
	namespace := environment.Namespace(t)
	environment.Kubectl(t, "apply", "--server-side", "-k", "rbac/users")
	roles := map[string]string{
		"offlinepush-viewer": "view", "offlinepush-editor": "edit", "offlinepush-admin": "admin", "offlinepush-support": "",
	}
	for role, aggregate := range roles {
		var object rbacv1.ClusterRole
		if err := environment.Client.Get(t.Context(), client.ObjectKey{Name: role}, &object); err != nil {
			t.Fatal(err)
		}
		for label := range object.Labels {
			if to, ok := strings.CutPrefix(label, "rbac.authorization.k8s.io/aggregate-to-"); ok && to != aggregate {
				t.Errorf("%s must not add itself to %s", role, to)
			}
		}
		if aggregate != "" && object.Labels["rbac.authorization.k8s.io/aggregate-to-"+aggregate] != "true" {
			t.Errorf("%s must add itself to %s, labels are %v", role, aggregate, object.Labels)
		}
		create(t, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: role}},
		})
		waitUntilBound(t, namespace, role)
	}
	for _, tt := range []struct {
		verb, group, resource, subresource string
		viewer, editor, admin, support     bool
	}{
		{verb: "list", group: pushv1.GroupName, resource: "pushchannels", viewer: true, editor: true, admin: true},
		{verb: "get", group: pushv1.GroupName, resource: "pushapps", subresource: "status", viewer: true, editor: true, admin: true},
		{verb: "patch", group: pushv1.GroupName, resource: "pushapps", editor: true, admin: true},
		{verb: "create", group: pushv1.GroupName, resource: "pushchannels", editor: true, admin: true},
		{verb: "deletecollection", group: pushv1.GroupName, resource: "pushapps", admin: true},
		{verb: "patch", group: pushv1.GroupName, resource: "pushapps", subresource: "status"},
		{verb: "list", group: pushv1.GroupName, resource: "pushtests", viewer: true, editor: true, admin: true, support: true},
		{verb: "watch", group: pushv1.GroupName, resource: "pushtests", viewer: true, editor: true, admin: true, support: true},
		{verb: "create", group: pushv1.GroupName, resource: "pushtests", editor: true, admin: true, support: true},
		{verb: "delete", group: pushv1.GroupName, resource: "pushtests", editor: true, admin: true, support: true},
		{verb: "patch", group: pushv1.GroupName, resource: "pushtests", editor: true, admin: true},
		{verb: "update", group: pushv1.GroupName, resource: "pushtests", editor: true, admin: true},
		{verb: "deletecollection", group: pushv1.GroupName, resource: "pushtests", admin: true},
		{verb: "update", group: pushv1.GroupName, resource: "pushtests", subresource: "status"},
		{verb: "get", resource: "secrets"},
		{verb: "get", resource: "pods"},
	} {
		for role, want := range map[string]bool{
			"offlinepush-viewer": tt.viewer, "offlinepush-editor": tt.editor, "offlinepush-admin": tt.admin, "offlinepush-support": tt.support,
		} {
			attributes := authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: tt.verb, Group: tt.group, Resource: tt.resource, Subresource: tt.subresource,
			}
			if got := allowed(t.Context(), t, role, attributes); got != want {
				t.Errorf("%s may %s %s/%s: %t, want %t", role, tt.verb, tt.resource, tt.subresource, got, want)
			}
		}
	}
}

// waitUntilBound waits until the kube-apiserver's authorizer knows a new binding.
func waitUntilBound(t *testing.T, namespace, role string) {
	t.Helper()
	attributes := authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "list", Group: pushv1.GroupName, Resource: "pushtests"}
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		return allowed(ctx, t, role, attributes), nil
	})
	if err != nil {
		t.Fatalf("%s never took effect: %v", role, err)
	}
}

func allowed(ctx context.Context, t *testing.T, user string, attributes authorizationv1.ResourceAttributes) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &attributes}}
	if err := environment.Client.Create(ctx, review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}
