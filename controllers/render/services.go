package render

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// deviceService is for phones and vendors.
func deviceService(app *pushv1.PushApp, n Names) *corev1ac.ServiceApplyConfiguration {
	shape := app.Spec.Exposure.Service
	spec := serviceSpec(app, portDevice).WithType(corev1.ServiceType(shape.Type))
	if shape.LoadBalancerClass != "" {
		spec.WithLoadBalancerClass(shape.LoadBalancerClass)
	}
	return service(app, n.Device, spec).WithAnnotations(shape.Annotations)
}

// serverService is for the app's own servers, inside the cluster only.
func serverService(app *pushv1.PushApp, n Names) *corev1ac.ServiceApplyConfiguration {
	return service(app, n.Server, serviceSpec(app, portServer).WithType(corev1.ServiceTypeClusterIP))
}

func service(app *pushv1.PushApp, name string, spec *corev1ac.ServiceSpecApplyConfiguration) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(name, app.Namespace).
		WithLabels(Labels(app.Name)).
		WithOwnerReferences(ownedBy(app)).
		WithSpec(spec)
}

func serviceSpec(app *pushv1.PushApp, target string) *corev1ac.ServiceSpecApplyConfiguration {
	scheme := Scheme(app)
	return corev1ac.ServiceSpec().
		WithSelector(Selector(app.Name)).
		WithPorts(corev1ac.ServicePort().
			WithName(scheme).
			WithAppProtocol(scheme).
			WithProtocol(corev1.ProtocolTCP).
			WithPort(ServicePort(app)).
			WithTargetPort(intstr.FromString(target)))
}

// Scheme is how the dispatchers' Services are called: https when the dispatchers serve TLS themselves.
func Scheme(app *pushv1.PushApp) string {
	if app.Spec.Exposure.TLS != nil {
		return "https"
	}
	return "http"
}

// ServicePort is the port of the dispatchers' Services, the scheme's own.
func ServicePort(app *pushv1.PushApp) int32 {
	if app.Spec.Exposure.TLS != nil {
		return 443
	}
	return 80
}
