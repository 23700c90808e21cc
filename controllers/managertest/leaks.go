package managertest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

// shortest is the length from which a text cannot be in a log by chance.
const shortest = 12

// hidden is a text, and where it is from.
type hidden struct{ of, text string }

// leaks lists the secrets of the tests that are in the log, in an event, in a status, or in an object that is no Secret.
func (s *Suite) leaks(ctx context.Context) (found []string, err error) {
	secrets, err := s.hidden(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := s.seen(ctx)
	if err != nil {
		return nil, err
	}
	for place, text := range seen {
		for _, one := range secrets {
			if strings.Contains(text, one.text) {
				found = append(found, fmt.Sprintf("%s is in %s: %q", one.of, place, one.text[:shortest-4]+"…"))
			}
		}
	}
	return found, nil
}

// public are the entries of Secrets that anybody may read.
func public(entry string) bool {
	switch entry {
	case "ca.crt", "tls.crt", "host", "port", "dbname", "user", "username", "sslmode":
		return true
	}
	return false
}

// hidden are the values of all Secrets, and whom push tests are for and what they say.
func (s *Suite) hidden(ctx context.Context) (all []hidden, err error) {
	var secrets corev1.SecretList
	var tests pushv1.PushTestList
	for _, list := range []client.ObjectList{&secrets, &tests} {
		if err := s.Client.List(ctx, list); err != nil {
			return nil, err
		}
	}
	for _, secret := range secrets.Items {
		all = append(all, entries(secret)...)
	}
	for _, test := range tests.Items {
		for _, text := range []string{test.Spec.UserID, test.Spec.Title, test.Spec.Content, test.Spec.Payload} {
			if text != test.Namespace { // which some tests have for a user's id
				all = append(all, lines("what the push test "+test.Name+" is about", text)...)
			}
		}
	}
	return all, nil
}

// entries are those of a Secret; of a configuration the secrets in it.
func entries(secret corev1.Secret) (all []hidden) {
	for entry, value := range secret.Data {
		of := "the entry " + entry + " of the Secret " + secret.Name
		if entry != config.FileName && !public(entry) {
			all = append(all, lines(of, string(value))...)
		}
		if document, _, err := config.Parse(value); entry == config.FileName && err == nil {
			for _, one := range config.Secrets(document) {
				all = append(all, lines(of, one.Reveal())...)
			}
		}
	}
	return all
}

// lines are those of a text that are long enough.
func lines(of, text string) (all []hidden) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) >= shortest && !strings.HasPrefix(line, "-----") {
			all = append(all, hidden{of, line})
		}
	}
	return all
}

// seen is what people and programs without access to Secrets can read, by its place.
func (s *Suite) seen(ctx context.Context) (map[string]string, error) {
	out := map[string]string{"the manager's log": s.Logs.String()}
	for _, list := range []client.ObjectList{
		&corev1.EventList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &corev1.PodList{}, &corev1.PersistentVolumeClaimList{},
		&appsv1.DeploymentList{}, &pushv1.PushChannelList{}, &pushv1.PushAppList{}, &pushv1.PushTestList{},
	} {
		if err := s.Client.List(ctx, list); err != nil {
			return nil, err
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			object := item.(client.Object) //nolint:forcetypeassert // All that has a list is one.
			if test, ok := object.(*pushv1.PushTest); ok {
				test.Spec = pushv1.PushTestSpec{} // It says whom the test is for.
			}
			text, err := json.Marshal(object)
			out[fmt.Sprintf("%T %s/%s", object, object.GetNamespace(), object.GetName())] = string(text)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
