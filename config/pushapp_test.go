package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/testenv"
)

type app = *pushv1.PushApp

func chatApp(namespace string) app { return testenv.App(namespace, "chat", "fcm", "xiaomi") }

func profile(settings ...pushv1.ProfileSettings) []pushv1.PushProfile {
	return []pushv1.PushProfile{{ResourcesID: "message", Settings: settings}}
}

func fcmSettings(fcm pushv1.FCMProfile) []pushv1.PushProfile {
	return profile(pushv1.ProfileSettings{Vendor: pushv1.VendorFCM, FCM: &fcm})
}

func clickSettings(click pushv1.ClickAction) []pushv1.PushProfile {
	return profile(pushv1.ProfileSettings{
		Vendor: pushv1.VendorXiaomi,
		Xiaomi: &pushv1.XiaomiProfile{ChannelID: "110001", ClickAction: click},
	})
}

func TestPushAppIdentityAndChannels(t *testing.T) {
	t.Parallel()
	checkCreate(t, chatApp, []change[app]{
		{name: "as built", edit: func(app) {}},
		{name: "no appID", edit: func(a app) { a.Spec.AppID = "" }, want: []string{"spec.appID: Required value"}},
		{name: "bad appID", edit: func(a app) { a.Spec.AppID = "a b" }, want: []string{"spec.appID"}},
		{name: "name with a dot", edit: func(a app) { a.Name = "chat.eu" }, want: []string{"`metadata.name` must start with a letter"}},
		{name: "name begins with a digit", edit: func(a app) { a.Name = "1chat" }, want: []string{"`metadata.name` must start with a letter"}},
		{name: "name of 40", edit: func(a app) { a.Name = strings.Repeat("a", 40) }},
		{name: "name of 41", edit: func(a app) { a.Name = strings.Repeat("a", 41) }, want: []string{"be at most 40 characters"}},
		{name: "no channels", edit: func(a app) { a.Spec.Channels = nil }, want: []string{"spec.channels: Required value"}},
		{name: "row twice", edit: func(a app) { a.Spec.Channels[1].Name = "fcm" }, want: []string{"spec.channels[1]: Duplicate value"}},
		{name: "row of another namespace", edit: func(a app) { a.Spec.Channels[0].ChannelRef.Namespace = "platform" }},
		{name: "row without channel", edit: func(a app) { a.Spec.Channels[0].ChannelRef.Name = "" }, want: []string{"spec.channels[0].channelRef"}},
		{name: "bad row name", edit: func(a app) { a.Spec.Channels[0].Name = "FCM" }, want: []string{"spec.channels[0].name"}},
		{name: "appType 9", edit: func(a app) { a.Spec.Channels[0].AppType = 9 }},
		{name: "appType 10", edit: func(a app) { a.Spec.Channels[0].AppType = 10 }, want: []string{"spec.channels[0].appType"}},
		{name: "optional row", edit: func(a app) { a.Spec.Channels[0].Required = pushv1.ChannelOptional }},
		{name: "perhaps", edit: func(a app) { a.Spec.Channels[0].Required = "Perhaps" }, want: []string{"spec.channels[0].required"}},
		{name: "share too big", edit: func(a app) { a.Spec.Channels[0].Share = 1001 }, want: []string{"spec.channels[0].share"}},
		{name: "65 rows", edit: func(a app) {
			for i := range 63 {
				row := a.Spec.Channels[0]
				row.Name = fmt.Sprint("row-", i)
				a.Spec.Channels = append(a.Spec.Channels, row)
			}
		}, want: []string{"spec.channels: Too many"}},
	})
}

func TestPushAppProfiles(t *testing.T) {
	t.Parallel()
	changes := []change[app]{
		{name: "whole FCM", edit: func(a app) {
			a.Spec.PushProfiles = fcmSettings(pushv1.FCMProfile{Priority: pushv1.FCMPriorityHigh, Sound: "ding", ChannelID: "messages"})
		}},
		{name: "FCM data", edit: func(a app) { a.Spec.PushProfiles = fcmSettings(pushv1.FCMProfile{Type: pushv1.MessageTypeData}) }},
		{name: "FCM data with sound", edit: func(a app) {
			a.Spec.PushProfiles = fcmSettings(pushv1.FCMProfile{Type: pushv1.MessageTypeData, Sound: "ding"})
		}, want: []string{"`sound` and `channelID` must be unset when `type` is 'Data'"}},
		{name: "FCM data with channel", edit: func(a app) {
			a.Spec.PushProfiles = fcmSettings(pushv1.FCMProfile{Type: pushv1.MessageTypeData, ChannelID: "messages"})
		}, want: []string{"`sound` and `channelID` must be unset when `type` is 'Data'"}},
		{name: "FCM priority", edit: func(a app) { a.Spec.PushProfiles = fcmSettings(pushv1.FCMProfile{Priority: "Higher"}) }, want: []string{"fcm.priority"}},
		{name: "no member", edit: func(a app) { a.Spec.PushProfiles = profile(pushv1.ProfileSettings{Vendor: pushv1.VendorFCM}) }, want: []string{
			"spec.pushProfiles[0].settings[0]", "`fcm` must be set when `vendor` is 'FCM', and only then",
		}},
		{name: "another member", edit: func(a app) {
			a.Spec.PushProfiles = clickSettings(pushv1.ClickAction{})
			a.Spec.PushProfiles[0].Settings[0].FCM = &pushv1.FCMProfile{}
		}, want: []string{"`fcm` must be set when `vendor` is 'FCM', and only then"}},
		{name: "wrong member", edit: func(a app) {
			a.Spec.PushProfiles = clickSettings(pushv1.ClickAction{})
			a.Spec.PushProfiles[0].Settings[0].Vendor = pushv1.VendorFCM
		}, want: []string{"`xiaomi` must be set when `vendor` is 'Xiaomi', and only then"}},
		{name: "no category", edit: func(a app) {
			a.Spec.PushProfiles = profile(pushv1.ProfileSettings{Vendor: pushv1.VendorXiaomi, Xiaomi: &pushv1.XiaomiProfile{}})
		}, want: []string{"xiaomi.channelID: Required value"}},
		{name: "two app types", edit: func(a app) {
			settings := fcmSettings(pushv1.FCMProfile{})[0].Settings[0]
			other := settings
			other.AppType = 2
			a.Spec.PushProfiles = profile(settings, other)
		}},
		{name: "settings twice", edit: func(a app) {
			settings := fcmSettings(pushv1.FCMProfile{})[0].Settings[0]
			a.Spec.PushProfiles = profile(settings, settings)
		}, want: []string{"spec.pushProfiles[0].settings[1]: Duplicate value"}},
		{name: "no settings", edit: func(a app) { a.Spec.PushProfiles = profile() }, want: []string{"settings: Required value"}},
		{name: "profile twice", edit: func(a app) {
			a.Spec.PushProfiles = append(fcmSettings(pushv1.FCMProfile{}), fcmSettings(pushv1.FCMProfile{})...)
		}, want: []string{"spec.pushProfiles[1]: Duplicate value"}},
	}
	for id, valid := range map[string]bool{
		strings.Repeat("r", 32): true, "zim:Message/1": true, strings.Repeat("r", 33): false, "": false, "with blank": false, "消息": false,
	} {
		tt := change[app]{name: "resourcesID " + id, edit: func(a app) {
			a.Spec.PushProfiles = fcmSettings(pushv1.FCMProfile{})
			a.Spec.PushProfiles[0].ResourcesID = id
		}}
		if !valid {
			tt.want = []string{"spec.pushProfiles[0].resourcesID"}
		}
		changes = append(changes, tt)
	}
	for count, want := range map[int][]string{64: nil, 65: {"spec.pushProfiles: Too many"}} {
		changes = append(changes, change[app]{name: fmt.Sprint(count, " profiles"), want: want, edit: func(a app) {
			for i := range count {
				one := fcmSettings(pushv1.FCMProfile{})[0]
				one.ResourcesID = fmt.Sprint("message-", i)
				a.Spec.PushProfiles = append(a.Spec.PushProfiles, one)
			}
		}})
	}
	checkCreate(t, chatApp, changes)
}

func TestPushAppClickActions(t *testing.T) {
	t.Parallel()
	const intent = "intent://com.example.chat/detail#Intent;scheme=pushscheme;end"
	var changes []change[app]
	for _, tt := range []struct {
		name  string
		click pushv1.ClickAction
		want  []string
	}{
		{name: "app", click: pushv1.ClickAction{Type: pushv1.ClickActionOpenApp}},
		{name: "url", click: pushv1.ClickAction{Type: pushv1.ClickActionOpenURL, URL: "https://example.com/?a=b#c"}},
		{name: "page", click: pushv1.ClickAction{Type: pushv1.ClickActionOpenPage, IntentURI: intent}},
		{
			name: "url missing", click: pushv1.ClickAction{Type: pushv1.ClickActionOpenURL},
			want: []string{"`url` must be set when `type` is 'OpenURL', and only then"},
		},
		{
			name: "url unused", click: pushv1.ClickAction{URL: "https://example.com"},
			want: []string{"`url` must be set when `type` is 'OpenURL', and only then"},
		},
		{
			name: "plain url", click: pushv1.ClickAction{Type: pushv1.ClickActionOpenURL, URL: "http://example.com"},
			want: []string{"clickAction.url", "should match '^https://"},
		},
		{
			name: "page missing", click: pushv1.ClickAction{Type: pushv1.ClickActionOpenPage},
			want: []string{"`intentURI` must be set when `type` is 'OpenPage', and only then"},
		},
		{
			name: "page unused", click: pushv1.ClickAction{IntentURI: intent},
			want: []string{"`intentURI` must be set when `type` is 'OpenPage', and only then"},
		},
		{
			name: "no intent", click: pushv1.ClickAction{Type: pushv1.ClickActionOpenPage, IntentURI: "com.example.Detail"},
			want: []string{"clickAction.intentURI", "should match '^intent:'"},
		},
		{name: "unknown", click: pushv1.ClickAction{Type: "Explode"}, want: []string{"clickAction.type"}},
	} {
		changes = append(changes, change[app]{name: tt.name, want: tt.want, edit: func(a app) { a.Spec.PushProfiles = clickSettings(tt.click) }})
	}
	checkCreate(t, chatApp, changes)
}

func TestPushAppRoutingStoreAndRetention(t *testing.T) {
	t.Parallel()
	sqlite := func(size string) pushv1.AppStore {
		return pushv1.AppStore{SQLite: &pushv1.SQLiteStore{Size: resource.MustParse(size)}}
	}
	checkCreate(t, chatApp, []change[app]{
		{name: "slow heartbeat", edit: func(a app) {
			a.Spec.Routing = pushv1.AppRouting{HeartbeatSeconds: 60, OfflineAfterSeconds: 121}
		}},
		{
			name: "one lost heartbeat", edit: func(a app) { a.Spec.Routing = pushv1.AppRouting{HeartbeatSeconds: 60, OfflineAfterSeconds: 120} },
			want: []string{"spec.routing", "`offlineAfterSeconds` must be more than twice `heartbeatSeconds`"},
		},
		{
			name: "heartbeat above the default", edit: func(a app) { a.Spec.Routing = pushv1.AppRouting{HeartbeatSeconds: 30} },
			want: []string{"`offlineAfterSeconds` must be more than twice `heartbeatSeconds`"},
		},
		{name: "fast heartbeat", edit: func(a app) { a.Spec.Routing.HeartbeatSeconds = 4 }, want: []string{"spec.routing.heartbeatSeconds"}},
		{name: "ack", edit: func(a app) { a.Spec.Routing.AckTimeoutSeconds = 61 }, want: []string{"spec.routing.ackTimeoutSeconds"}},
		{name: "29 days", edit: func(a app) { a.Spec.Routing.PushTTLSeconds = 29 * 86400 }, want: []string{"spec.routing.pushTTLSeconds"}},
		{name: "messages", edit: func(a app) { a.Spec.Retention.MessagesSeconds = 3599 }, want: []string{"spec.retention.messagesSeconds"}},
		{name: "receipts", edit: func(a app) { a.Spec.Retention.ReceiptsSeconds = 91 * 86400 }, want: []string{"spec.retention.receiptsSeconds"}},
		{name: "dead letters", edit: func(a app) { a.Spec.Retention.DeadLettersSeconds = 3599 }, want: []string{"spec.retention.deadLettersSeconds"}},
		{name: "devices", edit: func(a app) { a.Spec.Retention.InactiveDevicesSeconds = 86400 }, want: []string{"spec.retention.inactiveDevicesSeconds"}},
		{name: "volume", edit: func(a app) { a.Spec.Store = sqlite("10Gi") }},
		{name: "small volume", edit: func(a app) { a.Spec.Store = sqlite("63Mi") }, want: []string{"spec.store.sqlite.size", "`size` must be at least 64Mi"}},
		{name: "volume by hand", edit: func(a app) { a.Spec.Store.SQLite = &pushv1.SQLiteStore{StorageClassName: new("")} }},
		{
			name: "retention", edit: func(a app) { a.Spec.Store.SQLite = &pushv1.SQLiteStore{Retention: "Recycle"} },
			want: []string{"spec.store.sqlite.retention"},
		},
		{
			name: "two dispatchers", edit: func(a app) { a.Spec.Dispatcher.Replicas = 2 },
			want: []string{
				"spec.dispatcher.replicas", "`dispatcher.replicas` must be 1 with `store.sqlite`: a SQLite file has one writer; several dispatchers need `store.postgres`",
			},
		},
	})
}

// TestPushAppStoreIsAUnion writes the empty store that the Go type leaves out.
func TestPushAppStoreIsAUnion(t *testing.T) {
	t.Parallel()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(chatApp(environment.Namespace(t)))
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(pushv1.SchemeGroupVersion.WithKind("PushApp"))
	if err := unstructured.SetNestedMap(content, map[string]any{}, "spec", "store"); err != nil {
		t.Fatal(err)
	}
	checkRefusal(t, environment.Client.Create(t.Context(), object), []string{"spec.store", "exactly one store must be set: `sqlite` or `postgres`"})
}

func TestPushAppAuthAndExposure(t *testing.T) {
	t.Parallel()
	jwt := func(edit func(*pushv1.DeviceJWT)) func(app) {
		return func(a app) {
			a.Spec.Auth.DeviceJWT = &pushv1.DeviceJWT{Issuer: "https://login.example.com", Audience: "chat", JWKSURL: "https://login.example.com/jwks.json"}
			edit(a.Spec.Auth.DeviceJWT)
		}
	}
	shared := func(d *pushv1.DeviceJWT) {
		d.JWKSURL, d.KeysSecretRef = "", &pushv1.SecretReference{Name: "jwks"}
	}
	checkCreate(t, chatApp, []change[app]{
		{name: "public keys", edit: jwt(func(*pushv1.DeviceJWT) {})},
		{name: "keys in a Secret", edit: jwt(shared)},
		{name: "shared secret", edit: jwt(func(d *pushv1.DeviceJWT) { shared(d); d.Algorithms = []pushv1.JWTAlgorithm{pushv1.JWTHS256} })},
		{name: "both", edit: jwt(func(d *pushv1.DeviceJWT) { d.KeysSecretRef = &pushv1.SecretReference{Name: "jwks"} }), want: []string{
			"spec.auth.deviceJWT", "exactly one of `jwksURL` and `keysSecretRef` must be set",
		}},
		{name: "neither", edit: jwt(func(d *pushv1.DeviceJWT) { d.JWKSURL = "" }), want: []string{"exactly one of `jwksURL` and `keysSecretRef` must be set"}},
		{name: "shared secret at an address", edit: jwt(func(d *pushv1.DeviceJWT) {
			d.Algorithms = []pushv1.JWTAlgorithm{pushv1.JWTRS256, pushv1.JWTHS256}
		}), want: []string{"`algorithms` must not hold 'HS256' with `jwksURL`"}},
		{name: "no signature", edit: jwt(func(d *pushv1.DeviceJWT) { d.Algorithms = []pushv1.JWTAlgorithm{"none"} }), want: []string{"spec.auth.deviceJWT.algorithms[0]"}},
		{name: "plain address", edit: jwt(func(d *pushv1.DeviceJWT) { d.JWKSURL = "http://login.example.com" }), want: []string{"spec.auth.deviceJWT.jwksURL", "must be an https URL"}},
		{name: "no issuer", edit: jwt(func(d *pushv1.DeviceJWT) { d.Issuer = "" }), want: []string{"spec.auth.deviceJWT.issuer: Required value"}},
		{name: "no audience", edit: jwt(func(d *pushv1.DeviceJWT) { d.Audience = "" }), want: []string{"spec.auth.deviceJWT.audience: Required value"}},
		{name: "no server keys", edit: func(a app) { a.Spec.Auth.ServerKeysSecretRef.Name = "" }, want: []string{"spec.auth.serverKeysSecretRef: Required value"}},
		{name: "no registration keys", edit: func(a app) { a.Spec.Auth.RegistrationKeysSecretRef.Name = "" }, want: []string{"spec.auth.registrationKeysSecretRef: Required value"}},
		{name: "one Secret for both", edit: func(a app) {
			a.Spec.Auth.RegistrationKeysSecretRef = a.Spec.Auth.ServerKeysSecretRef
		}, want: []string{"`registrationKeysSecretRef` must name another Secret than `serverKeysSecretRef`"}},
		{name: "external address", edit: func(a app) { a.Spec.Exposure.ExternalURL = "https://push.example.com/chat" }},
		{name: "plain external address", edit: func(a app) { a.Spec.Exposure.ExternalURL = "http://push.example.com" }, want: []string{"spec.exposure.externalURL"}},
		{name: "tls", edit: func(a app) {
			a.Spec.Exposure.TLS = &pushv1.DispatcherTLS{SecretRef: pushv1.SecretReference{Name: "tls"}}
		}},
		{name: "tls without Secret", edit: func(a app) { a.Spec.Exposure.TLS = &pushv1.DispatcherTLS{} }, want: []string{"spec.exposure.tls.secretRef"}},
		{name: "load balancer", edit: func(a app) {
			a.Spec.Exposure.Service = pushv1.DeviceService{
				Type: pushv1.DeviceServiceLoadBalancer, LoadBalancerClass: "example.com/internal", Annotations: map[string]string{"example.com/a": "b"},
			}
		}},
		{
			name: "class without balancer", edit: func(a app) { a.Spec.Exposure.Service.LoadBalancerClass = "example.com/internal" },
			want: []string{"`loadBalancerClass` must be unset unless `type` is 'LoadBalancer'"},
		},
		{
			name: "our annotation", edit: func(a app) { a.Spec.Exposure.Service.Annotations = map[string]string{"offlinepush.io/a": "b"} },
			want: []string{"spec.exposure.service.annotations", "`annotations` must not use the prefix"},
		},
	})
}

func TestPushAppCallback(t *testing.T) {
	t.Parallel()
	callback := func(url pushv1.HTTPSURL, secret pushv1.ObjectName) func(app) {
		return func(a app) {
			a.Spec.Callback = &pushv1.AppCallback{URL: url, KeySecretRef: pushv1.SecretReference{Name: secret}}
		}
	}
	checkCreate(t, chatApp, []change[app]{
		{name: "as documented", edit: callback("https://chat.example.com/push-events", "chat-callback")},
		{name: "plain address", edit: callback("http://chat.example.com", "chat-callback"), want: []string{"spec.callback.url", "must be an https URL"}},
		{name: "no address", edit: callback("", "chat-callback"), want: []string{"spec.callback.url: Required value"}},
		{name: "no Secret", edit: callback("https://chat.example.com", ""), want: []string{"spec.callback.keySecretRef: Required value"}},
	})
}

func TestPushAppDispatcher(t *testing.T) {
	t.Parallel()
	proxy := func(address string) func(app) {
		return func(a app) {
			a.Spec.Dispatcher.Proxy = &pushv1.EgressProxy{URL: address, NoProxy: []string{".svc", "10.0.0.0/8"}}
		}
	}
	checkCreate(t, chatApp, []change[app]{
		{name: "whole", edit: func(a app) {
			a.Spec.Dispatcher = pushv1.AppDispatcher{
				Replicas: 1, Image: "registry.example.com/dispatcher:v1", ImagePullSecrets: []pushv1.SecretReference{{Name: "registry"}},
				Resources:         corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}},
				NodeSelector:      map[string]string{"kubernetes.io/arch": "amd64"},
				Tolerations:       []corev1.Toleration{{Key: "push", Operator: corev1.TolerationOpExists}},
				PriorityClassName: "high", PodLabels: map[string]string{"mesh": "on"}, PodAnnotations: map[string]string{"mesh": "on"},
			}
		}},
		{name: "image with blank", edit: func(a app) { a.Spec.Dispatcher.Image = "a b" }, want: []string{"spec.dispatcher.image"}},
		{name: "pull secret twice", edit: func(a app) {
			a.Spec.Dispatcher.ImagePullSecrets = []pushv1.SecretReference{{Name: "a"}, {Name: "a"}}
		}, want: []string{"spec.dispatcher.imagePullSecrets[1]: Duplicate value"}},
		{name: "claims", edit: func(a app) {
			a.Spec.Dispatcher.Resources.Claims = []corev1.ResourceClaim{{Name: "gpu"}}
		}, want: []string{"`claims` must be unset"}},
		{
			name: "our label", edit: func(a app) { a.Spec.Dispatcher.PodLabels = map[string]string{"app.kubernetes.io/name": "x"} },
			want: []string{"`podLabels` must not use the prefixes"},
		},
		{
			name: "our annotation", edit: func(a app) { a.Spec.Dispatcher.PodAnnotations = map[string]string{"offlinepush.io/x": "x"} },
			want: []string{"`podAnnotations` must not use the prefix"},
		},
		{name: "http proxy", edit: proxy("http://proxy.example.com:3128")},
		{name: "https proxy", edit: proxy("https://proxy.example.com")},
		{name: "socks proxy", edit: proxy("socks5://proxy.example.com"), want: []string{"spec.dispatcher.proxy.url", "`url` must be an http or https URL"}},
		{name: "proxy with password", edit: proxy("http://me:pw@proxy.example.com"), want: []string{"`url` must be an http or https URL without user"}},
	})
}

func TestPushAppUpdate(t *testing.T) {
	t.Parallel()
	checkUpdate(t, chatApp, []change[app]{
		{name: "another appID", edit: func(a app) { a.Spec.AppID = "talk" }, want: []string{"spec.appID", "`appID` must not change"}},
		{name: "larger volume", edit: func(a app) { a.Spec.Store.SQLite.Size = resource.MustParse("1025Mi") }},
		{name: "smaller volume, as after one that could not grow", edit: func(a app) { a.Spec.Store.SQLite.Size = resource.MustParse("1023Mi") }},
		{
			name: "another class", edit: func(a app) { a.Spec.Store.SQLite.StorageClassName = new("fast") },
			want: []string{"spec.store.sqlite", "`storageClassName` must not change"},
		},
		{name: "no store", edit: func(a app) { a.Spec.Store = pushv1.AppStore{} }},
		{name: "fewer channels", edit: func(a app) { a.Spec.Channels = a.Spec.Channels[:1] }},
	})
}

func TestPushAppDefaults(t *testing.T) {
	t.Parallel()
	object := chatApp(environment.Namespace(t))
	object.Spec.PushProfiles = append(fcmSettings(pushv1.FCMProfile{}), clickSettings(pushv1.ClickAction{})...)
	object.Spec.PushProfiles[1].ResourcesID = "page"
	object.Spec.Auth.DeviceJWT = &pushv1.DeviceJWT{Issuer: "i", Audience: "a", JWKSURL: "https://example.com/jwks.json"}
	want := object.DeepCopy().Spec
	for i := range want.Channels {
		want.Channels[i].AppType, want.Channels[i].Required, want.Channels[i].Share = 1, pushv1.ChannelRequired, 100
	}
	fcm, xiaomi := &want.PushProfiles[0].Settings[0], &want.PushProfiles[1].Settings[0]
	fcm.AppType, fcm.FCM = 1, &pushv1.FCMProfile{Type: pushv1.MessageTypeNotification, Priority: pushv1.FCMPriorityNormal}
	xiaomi.AppType, xiaomi.Xiaomi.ClickAction.Type = 1, pushv1.ClickActionOpenApp
	want.Routing = pushv1.AppRouting{
		HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 86400,
	}
	want.Store = pushv1.AppStore{SQLite: &pushv1.SQLiteStore{Size: resource.MustParse("1Gi"), Retention: pushv1.VolumeRetain}}
	want.Auth.DeviceJWT.Algorithms = []pushv1.JWTAlgorithm{pushv1.JWTES256, pushv1.JWTEdDSA, pushv1.JWTRS256}
	want.Exposure.Service.Type = pushv1.DeviceServiceClusterIP
	want.Retention = pushv1.AppRetention{MessagesSeconds: 604800, ReceiptsSeconds: 604800, DeadLettersSeconds: 604800, InactiveDevicesSeconds: 23328000}
	want.Dispatcher.Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")},
	}
	if err := environment.Client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, object.Spec); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}
