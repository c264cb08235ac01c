package dev.atelier.local;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/**
 * A page that tries what a page can to make the browser launch an experiment, once it is open: its
 * title becomes {@code sent} when all of it has been tried.
 */
final class ForeignSite implements AutoCloseable {

  /** Path of the same page as a frame in a sandbox has it: with an origin of its own. */
  static final String IN_A_SANDBOX = "/sandbox";

  private final HttpServer server;

  private ForeignSite(HttpServer server) {
    this.server = server;
  }

  /** Serves the page on a port of loopback. */
  static ForeignSite start(String target, String spec) throws IOException {
    HttpServer server = HttpServer.create(Ports.loopback(0), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    byte[] page = page(target, spec).getBytes(StandardCharsets.UTF_8);
    server.createContext(
        "/",
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
          if (exchange.getRequestURI().getPath().equals(IN_A_SANDBOX)) {
            exchange
                .getResponseHeaders()
                .set("Content-Security-Policy", "sandbox allow-scripts allow-forms");
          }
          exchange.sendResponseHeaders(200, page.length);
          exchange.getResponseBody().write(page);
          exchange.close();
        });
    server.start();
    return new ForeignSite(server);
  }

  int port() {
    return server.getAddress().getPort();
  }

  /**
   * The page.
   *
   * @param target the API that it attacks, {@code http://host:port}
   */
  static String page(String target, String spec) {
    return """
        <!doctype html>
        <title>waiting</title>
        <body>
        <iframe name="hidden"></iframe>
        <iframe name="framed" src="%1$s/"></iframe>
        <script>
          const found = [];
          function seen(what) { found.push(what); }
          const image = new Promise((done) => {
            const img = new Image();
            img.onload = () => done('image');
            img.onerror = () => done('no image');
            img.src = '%1$s/dashboard/icon.svg';
            document.body.append(img);
          });
          const experiments = '%1$s/api/v1/experiments';
          const spec = '%2$s';
          const bodies = [new Blob([spec]), new Blob([spec], {type: 'text/plain'}), new URLSearchParams({spec})];
          async function attack() {
            for (const body of bodies) {
              for (const credentials of ['include', 'omit']) {
                await fetch(experiments, {method: 'POST', mode: 'no-cors', credentials, body})
                  .then(() => seen('posted'), (e) => seen('failed: ' + e));
              }
            }
            await fetch(experiments, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: spec})
              .then(() => seen('asked'), () => seen('not asked'));
            await fetch(experiments).then((a) => a.text()).then(() => seen('read'), () => seen('not read'));
            const form = document.createElement('form');
            Object.assign(form, {method: 'POST', action: experiments, enctype: 'text/plain', target: 'hidden'});
            const field = document.createElement('input');
            field.name = spec.slice(0, -2) + '", "x": "';
            field.value = '"}';
            form.append(field);
            document.body.append(form);
            form.submit();
            seen(await image);
            setTimeout(() => { document.title = 'sent'; }, 1500);
          }
          attack();
        </script>
        """
        .formatted(target, spec);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
