package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

func postgresApp(namespace string) app {
	object := chatApp(namespace)
	object.Spec.Store.Postgres = &pushv1.PostgresStore{SecretRef: pushv1.SecretReference{Name: "chat-db"}}
	return object
}

func TestPostgresStore(t *testing.T) {
	t.Parallel()
	schema := func(name string) func(app) { return func(a app) { a.Spec.Store.Postgres.Schema = name } }
	const others = "`schema` must not be 'public' or 'information_schema' and not begin with 'pg_': others use these"
	checkCreate(t, postgresApp, []change[app]{
		{name: "as built", edit: func(app) {}},
		{name: "both", edit: func(a app) { a.Spec.Store.SQLite = &pushv1.SQLiteStore{} }, want: []string{
			"spec.store: Invalid value", "exactly one store must be set: `sqlite` or `postgres`",
		}},
		{name: "no Secret", edit: func(a app) { a.Spec.Store.Postgres.SecretRef.Name = "" }, want: []string{"spec.store.postgres.secretRef: Required value"}},
		{name: "schema", edit: schema("push_chat1")},
		{name: "schema of 63", edit: schema(strings.Repeat("a", 63))},
		{name: "schema of 64", edit: schema(strings.Repeat("a", 64)), want: []string{"spec.store.postgres.schema: Too long"}},
		{name: "schema in capitals", edit: schema("Chat"), want: []string{"spec.store.postgres.schema"}},
		{name: "schema begins with a digit", edit: schema("1chat"), want: []string{"spec.store.postgres.schema"}},
		{name: "schema with a quote", edit: schema(`chat"; drop`), want: []string{"spec.store.postgres.schema"}},
		{name: "the system's schema", edit: schema("pg_chat"), want: []string{"spec.store.postgres.schema", others}},
		{name: "everybody's schema", edit: schema("public"), want: []string{others}},
		{name: "the standard's schema", edit: schema("information_schema"), want: []string{others}},
		{name: "pooler", edit: func(a app) { a.Spec.Store.Postgres.PoolMode = pushv1.PoolTransaction }},
		{name: "statement pooler", edit: func(a app) { a.Spec.Store.Postgres.PoolMode = "Statement" }, want: []string{"spec.store.postgres.poolMode: Unsupported value"}},
		{name: "a hundred dispatchers", edit: func(a app) { a.Spec.Dispatcher.Replicas = 100 }},
		{name: "more", edit: func(a app) { a.Spec.Dispatcher.Replicas = 101 }, want: []string{"spec.dispatcher.replicas"}},
	})
}

func TestAutoscaling(t *testing.T) {
	t.Parallel()
	scaling := func(least, most, percent int32) func(app) {
		return func(a app) {
			a.Spec.Dispatcher.Autoscaling = &pushv1.DispatcherAutoscaling{MinReplicas: least, MaxReplicas: most, TargetCPUUtilizationPercent: percent}
		}
	}
	resources := func(r corev1.ResourceRequirements) func(app) {
		return func(a app) { scaling(2, 9, 70)(a); a.Spec.Dispatcher.Resources = r }
	}
	cpu := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
	memory := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
	const noCPU = "`resources.requests` must name `cpu` with `autoscaling`: the utilization is a part of it"
	checkCreate(t, postgresApp, []change[app]{
		{name: "whole", edit: scaling(2, 9, 70)},
		{name: "one number", edit: scaling(3, 3, 70)},
		{name: "upside down", edit: scaling(4, 3, 70), want: []string{"spec.dispatcher.autoscaling", "`minReplicas` must not be more than `maxReplicas`"}},
		{name: "less than the default", edit: scaling(0, 1, 70), want: []string{"`minReplicas` must not be more than `maxReplicas`"}},
		{name: "no end", edit: scaling(1, 0, 70), want: []string{"spec.dispatcher.autoscaling.maxReplicas: Required value"}},
		{name: "too many", edit: scaling(1, 101, 70), want: []string{"spec.dispatcher.autoscaling.maxReplicas"}},
		{name: "idle", edit: scaling(1, 2, 9), want: []string{"spec.dispatcher.autoscaling.targetCPUUtilizationPercent"}},
		{name: "too busy", edit: scaling(1, 2, 1001), want: []string{"spec.dispatcher.autoscaling.targetCPUUtilizationPercent"}},
		{name: "with replicas", edit: func(a app) { scaling(2, 9, 70)(a); a.Spec.Dispatcher.Replicas = 3 }, want: []string{
			"spec.dispatcher", "`replicas` must be unset with `autoscaling`, which decides it: remove one of them",
		}},
		{name: "with SQLite", edit: func(a app) { scaling(2, 9, 70)(a); a.Spec.Store = pushv1.AppStore{} }, want: []string{
			"spec.dispatcher.autoscaling", "`dispatcher.autoscaling` must be unset with `store.sqlite`: a SQLite file has one writer; several dispatchers need `store.postgres`",
		}},
		{name: "CPU requested", edit: resources(corev1.ResourceRequirements{Requests: cpu})},
		{name: "CPU limited", edit: resources(corev1.ResourceRequirements{Limits: cpu})},
		{name: "no CPU requested", edit: resources(corev1.ResourceRequirements{Requests: memory}), want: []string{"spec.dispatcher.resources", noCPU}},
		{name: "no CPU limited", edit: resources(corev1.ResourceRequirements{Limits: memory}), want: []string{noCPU}},
	})
}

func TestTopologySpread(t *testing.T) {
	t.Parallel()
	over := func(constraints ...pushv1.TopologySpread) func(app) {
		return func(a app) { a.Spec.Dispatcher.TopologySpreadConstraints = constraints }
	}
	many := make([]pushv1.TopologySpread, 0, 9)
	for i := range 9 {
		many = append(many, pushv1.TopologySpread{TopologyKey: strings.Repeat("a", i+1)})
	}
	checkCreate(t, postgresApp, []change[app]{
		{name: "zones and nodes", edit: over(
			pushv1.TopologySpread{TopologyKey: corev1.LabelTopologyZone, MaxSkew: 2, WhenUnsatisfiable: pushv1.SpreadDoNotSchedule},
			pushv1.TopologySpread{TopologyKey: corev1.LabelHostname},
		)},
		{name: "a longest key", edit: over(pushv1.TopologySpread{TopologyKey: strings.Repeat("a", 253) + "/" + strings.Repeat("b", 63)})},
		{name: "the same twice", edit: over(many[0], many[0]), want: []string{"spec.dispatcher.topologySpreadConstraints[1]: Duplicate value"}},
		{name: "nine", edit: over(many...), want: []string{"spec.dispatcher.topologySpreadConstraints: Too many"}},
		{name: "no key", edit: over(pushv1.TopologySpread{MaxSkew: 1}), want: []string{"topologySpreadConstraints[0].topologyKey: Required value"}},
		{name: "no label", edit: over(pushv1.TopologySpread{TopologyKey: "a b"}), want: []string{"topologySpreadConstraints[0].topologyKey"}},
		{name: "a long name", edit: over(pushv1.TopologySpread{TopologyKey: "a/" + strings.Repeat("b", 64)}), want: []string{"topologySpreadConstraints[0].topologyKey"}},
		{name: "skew", edit: over(pushv1.TopologySpread{TopologyKey: "a", MaxSkew: 101}), want: []string{"topologySpreadConstraints[0].maxSkew"}},
		{name: "otherwise", edit: over(pushv1.TopologySpread{TopologyKey: "a", WhenUnsatisfiable: "Panic"}), want: []string{"topologySpreadConstraints[0].whenUnsatisfiable"}},
	})
}

func TestPostgresUpdate(t *testing.T) {
	t.Parallel()
	const fixed = "`schema` must not change: no data would move; make a second PushApp and move the bindings, docs/moving.md says how"
	const store = "the store must not change between `sqlite` and `postgres`: no data would move; make a second PushApp with the other store and move the bindings, docs/moving.md says how"
	checkUpdate(t, func(namespace string) app {
		object := postgresApp(namespace)
		object.Spec.Store.Postgres.Schema = "push_chat"
		return object
	}, []change[app]{
		{name: "another Secret", edit: func(a app) { a.Spec.Store.Postgres.SecretRef.Name = "other" }},
		{name: "a pooler", edit: func(a app) { a.Spec.Store.Postgres.PoolMode = pushv1.PoolTransaction }},
		{name: "three dispatchers", edit: func(a app) { a.Spec.Dispatcher.Replicas = 3 }},
		{name: "another schema", edit: func(a app) { a.Spec.Store.Postgres.Schema = "other" }, want: []string{"spec.store.postgres", fixed}},
		{name: "the default schema", edit: func(a app) { a.Spec.Store.Postgres.Schema = "" }, want: []string{fixed}},
		{name: "SQLite", edit: func(a app) { a.Spec.Store = pushv1.AppStore{SQLite: &pushv1.SQLiteStore{}} }, want: []string{"spec.store", store}},
		{name: "no store, which is SQLite", edit: func(a app) { a.Spec.Store = pushv1.AppStore{} }, want: []string{store}},
	})
	checkUpdate(t, chatApp, []change[app]{
		{name: "PostgreSQL", edit: func(a app) { a.Spec.Store = postgresApp("").Spec.Store }, want: []string{"spec.store", store}},
	})
	checkUpdate(t, postgresApp, []change[app]{
		{name: "a schema for the default", edit: func(a app) { a.Spec.Store.Postgres.Schema = "chat" }, want: []string{fixed}},
	})
}

func TestPostgresDefaults(t *testing.T) {
	t.Parallel()
	object := postgresApp(environment.Namespace(t))
	object.Spec.Dispatcher.Autoscaling = &pushv1.DispatcherAutoscaling{MaxReplicas: 9}
	object.Spec.Dispatcher.TopologySpreadConstraints = []pushv1.TopologySpread{{TopologyKey: "a"}}
	create(t, object)
	want := pushv1.AppDispatcher{
		Autoscaling:               &pushv1.DispatcherAutoscaling{MinReplicas: 2, MaxReplicas: 9, TargetCPUUtilizationPercent: 70},
		TopologySpreadConstraints: []pushv1.TopologySpread{{TopologyKey: "a", MaxSkew: 1, WhenUnsatisfiable: pushv1.SpreadScheduleAnyway}},
		Resources:                 object.Spec.Dispatcher.Resources,
	}
	if diff := cmp.Diff(want, object.Spec.Dispatcher); diff != "" {
		t.Errorf("defaults of the dispatcher (-want +got):\n%s", diff)
	}
	store := pushv1.AppStore{Postgres: &pushv1.PostgresStore{SecretRef: pushv1.SecretReference{Name: "chat-db"}, PoolMode: pushv1.PoolSession}}
	if diff := cmp.Diff(store, object.Spec.Store); diff != "" {
		t.Errorf("defaults of the store (-want +got):\n%s", diff)
	}
}
