package dev.atelier.store;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import javax.sql.DataSource;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.Buffer;
import okio.BufferedSink;

/**
 * A moment of a training at which its process dies.
 *
 * @param moment what happens then
 * @param step whose checkpoint is being saved, or after which the timer starts
 * @param subject the object, the file or the number of the removal
 * @param delayMicros of the timer
 */
record KillPoint(Moment moment, int step, String subject, int delayMicros) {

  enum Moment {
    NEVER,
    IN_STEP, // a timer that starts as a step ends
    BY_PARENT, // the parent's timer
    WRITING_FILE, // the local file appears
    SENDING_OBJECT, // half of the object's bytes are on the wire
    BEFORE_OBJECT, // nothing of it is sent
    AFTER_OBJECT, // the server has answered
    BEFORE_COMMIT, // the row is inserted, its transaction open
    AFTER_COMMIT,
    AFTER_REMOVAL // of that many old objects
  }

  static final KillPoint NEVER = new KillPoint(Moment.NEVER, 0, "", 0);

  /** The parts of a training process that die at this point. */
  static final class Trap {
    private final KillPoint point;
    private final SuddenDeath death;
    private volatile boolean saving; // the checkpoint of the point's step is being saved
    private volatile boolean rowWritten;
    private int removals;

    Trap(KillPoint point) throws IOException {
      this.point = point;
      this.death = new SuddenDeath();
    }

    void onStep(int step) {
      if (point.moment == Moment.IN_STEP && step == point.step) {
        background(
            () -> {
              LockSupport.parkNanos(point.delayMicros * 1000L);
              death.now();
            });
      }
    }

    void onSave(int step) {
      saving = step == point.step;
    }

    /** Waits for a local file of the checkpoint in the background. */
    void watch(Path workDirectory) {
      if (point.moment == Moment.WRITING_FILE) {
        background(
            () -> {
              while (!fileExists(workDirectory)) {
                Thread.onSpinWait();
              }
              death.now();
            });
      }
    }

    private boolean fileExists(Path workDirectory) {
      try (Stream<Path> found = Files.list(workDirectory)) {
        return found
            .filter(p -> p.getFileName().toString().startsWith("checkpoint-" + point.step + "-"))
            .anyMatch(p -> Files.exists(p.resolve(point.subject)));
      } catch (IOException e) {
        return false; // the directory changes while it is listed
      }
    }

    private static void background(Runnable work) {
      Thread thread = new Thread(work, "trap");
      thread.setDaemon(true);
      thread.start();
    }

    /** Sees every request to the S3 server. */
    Interceptor transport() {
      return chain -> {
        Request request = chain.request();
        if (!saving) {
          return chain.proceed(request);
        }
        boolean put = request.method().equals("PUT");
        if (point.moment == Moment.WRITING_FILE && put) {
          LockSupport.park(); // death has been called for: the first object must not win the race
        }
        boolean subject = put && request.url().encodedPath().endsWith("/" + point.subject);
        if (subject && point.moment == Moment.BEFORE_OBJECT) {
          death.now();
        }
        if (subject && point.moment == Moment.SENDING_OBJECT) {
          request = request.newBuilder().put(half(request.body())).build();
        }
        Response response = chain.proceed(request);
        if (subject && point.moment == Moment.AFTER_OBJECT) {
          death.now();
        }
        if (point.moment == Moment.AFTER_REMOVAL
            && request.method().equals("DELETE")
            && ++removals == Integer.parseInt(point.subject)) {
          death.now();
        }
        return response;
      };
    }

    private RequestBody half(RequestBody whole) {
      return new RequestBody() {
        @Override
        public MediaType contentType() {
          return whole.contentType();
        }

        @Override
        public long contentLength() throws IOException {
          return whole.contentLength();
        }

        @Override
        public void writeTo(BufferedSink sink) throws IOException {
          Buffer content = new Buffer();
          whole.writeTo(content);
          sink.write(content, content.size() / 2);
          sink.flush();
          death.now();
        }
      };
    }

    /** Sees every transaction. */
    DataSource database(DataSource real) {
      return (DataSource)
          Proxy.newProxyInstance(
              getClass().getClassLoader(),
              new Class<?>[] {DataSource.class},
              (proxy, method, arguments) -> {
                Object result = call(method, real, arguments);
                return result instanceof Connection connection ? watched(connection) : result;
              });
    }

    private Connection watched(Connection real) {
      return (Connection)
          Proxy.newProxyInstance(
              getClass().getClassLoader(),
              new Class<?>[] {Connection.class},
              (proxy, method, arguments) -> {
                if (method.getName().equals("prepareStatement")
                    && arguments[0].toString().contains("insert into checkpoint")) {
                  rowWritten = saving;
                }
                boolean committing = rowWritten && method.getName().equals("commit");
                if (committing && point.moment == Moment.BEFORE_COMMIT) {
                  death.now();
                }
                Object result = call(method, real, arguments);
                if (committing && point.moment == Moment.AFTER_COMMIT) {
                  death.now();
                }
                return result;
              });
    }

    private static Object call(java.lang.reflect.Method method, Object target, Object[] arguments)
        throws Throwable {
      try {
        return method.invoke(target, arguments);
      } catch (InvocationTargetException e) {
        throw e.getCause();
      }
    }
  }
}
