/** Zero-downtime restarts of Vert.x services. */
module io.goagain {
  requires transitive io.vertx.core;
  requires com.sun.jna;
  requires io.netty.buffer;
  requires io.netty.codec;
  requires io.netty.codec.http;
  requires io.netty.codec.http2;
  requires io.netty.common;
  requires io.netty.handler;
  requires io.netty.transport;
  requires io.netty.transport.classes.epoll;
  requires io.netty.transport.unix.common;
  requires java.management;
  requires jdk.unsupported;
  requires static com.hazelcast.core;
  requires static info.picocli;
  requires static java.logging;
  requires static jdk.jfr;
  requires static io.vertx.clustermanager.hazelcast;
  requires static io.vertx.healthcheck;
  requires static micrometer.core;

  exports io.goagain;
  exports io.goagain.cluster;
  exports io.goagain.cluster.impl to
      com.hazelcast.core;
  exports io.goagain.health;
  exports io.goagain.metrics;

  opens io.goagain.cli to
      info.picocli;

  provides io.vertx.core.spi.VertxServiceProvider with
      io.goagain.impl.GoAgainServiceProvider;
}
