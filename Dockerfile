# syntax=docker/dockerfile:1
# One image for each server binary: docker buildx build --build-arg BINARY=manager --platform linux/amd64,linux/arm64 .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG BINARY
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w" -o /out/program "./cmd/${BINARY:?give --build-arg BINARY=manager, dispatcher or vendorsim}"

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/program /program
USER 65532:65532
ENTRYPOINT ["/program"]
