// Package render turns what an app is made of into the objects that run it. It
// is pure: no client, no clock, no randomness, so that golden files are its
// tests. It imports the API, apply configurations and dispatcher/config only.
package render

import (
	"encoding/json"
	"fmt"

	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"k8s.io/apimachinery/pkg/runtime"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

// Input is all that the objects of an app are made of.
type Input struct {
	App  *pushv1.PushApp
	Rows []Row
	Auth config.Auth
	// Callback is zero for an app whose server is told nothing.
	Callback config.Callback
	Keys     config.Keys
	// Database is where the data of an app with store.postgres is, without what its spec says.
	Database config.Postgres
	// Certificate is what an app with exposure.tls serves.
	Certificate Certificate
	// Image is the dispatcher's image where the app names none.
	Image string
}

// Object is an apply configuration of a named object.
type Object interface {
	runtime.ApplyConfiguration
	GetAPIVersion() *string
	GetKind() *string
	GetName() *string
}

// Output is what runs an app.
type Output struct {
	// Objects are in the order in which they are applied: what a pod needs comes before the pod.
	Objects []Object
	// ConfigHash is what every dispatcher must report.
	ConfigHash string
	// Revision labels the pods made from the rendered template.
	Revision string
}

// App renders the objects of an app. It returns config.ErrTooLarge when the configuration does not fit into a Secret.
func App(in Input) (*Output, error) {
	encoded, err := config.Encode(document(in))
	if err != nil {
		return nil, fmt.Errorf("rendering %s: %w", config.FileName, err)
	}
	if _, err := config.ParseStrict(encoded); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", config.FileName, err)
	}
	n := NamesOf(in.App.Name)
	template := podTemplate(in)
	revision, err := revisionOf(template)
	if err != nil {
		return nil, err
	}
	objects := []Object{configSecret(in, n, encoded), serviceAccount(in.App, n)}
	if !shared(in.App) {
		objects = append(objects, volumeClaim(in.App, n))
	}
	objects = append(objects, deviceService(in.App, n), serverService(in.App, n),
		deployment(in.App, n, template.WithLabels(map[string]string{RevisionLabel: revision})))
	return &Output{
		Objects:    append(objects, manyReplicas(in.App, n)...),
		ConfigHash: config.Hash(encoded),
		Revision:   revision,
	}, nil
}

// Names are the names of an app's objects.
type Names struct {
	Dispatcher, Device, Server, Data, Keys string
}

// NamesOf derives the names of an app's objects.
func NamesOf(app string) Names {
	return Names{
		Dispatcher: app + "-dispatcher",
		Device:     app + "-device",
		Server:     app + "-server",
		Data:       app + "-data",
		Keys:       app + "-keys",
	}
}

func ownedBy(app *pushv1.PushApp) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(pushv1.SchemeGroupVersion.String()).WithKind("PushApp").
		WithName(app.Name).WithUID(app.UID).
		WithController(true).WithBlockOwnerDeletion(false)
}

func revisionOf(template any) (string, error) {
	b, err := json.Marshal(template)
	if err != nil {
		return "", fmt.Errorf("rendering the pod template: %w", err)
	}
	return config.Hash(b), nil
}
