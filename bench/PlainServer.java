import io.vertx.core.AbstractVerticle;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServerOptions;

/** What the example "single" answers, from a Vert.x server on epoll without the library. */
public final class PlainServer extends AbstractVerticle {

  private static final long PID = ProcessHandle.current().pid();

  public static void main(String[] args) {
    Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    if (!vertx.isNativeTransportEnabled()) {
      System.err.println("no native transport: " + vertx.unavailableNativeTransportCause());
      System.exit(1);
    }
    vertx
        .deployVerticle(new PlainServer())
        .onFailure(
            failure -> {
              System.err.println("could not start: " + failure);
              System.exit(1);
            });
  }

  @Override
  public void start(Promise<Void> started) {
    vertx
        .createHttpServer(new HttpServerOptions().setHost("127.0.0.1").setPort(0))
        .requestHandler(
            request -> {
              switch (request.path()) {
                case "/" ->
                    request.response().end("hello generation=%d pid=%d\n".formatted(1, PID));
                default -> request.response().setStatusCode(404).end();
              }
            })
        .listen()
        .onSuccess(
            server -> System.out.println("listening public 127.0.0.1:" + server.actualPort()))
        .<Void>mapEmpty()
        .onComplete(started);
  }
}
