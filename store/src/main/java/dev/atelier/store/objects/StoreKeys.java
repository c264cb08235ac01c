package dev.atelier.store.objects;

import io.minio.credentials.AwsEnvironmentProvider;
import io.minio.credentials.IamAwsProvider;
import io.minio.credentials.Provider;
import io.minio.credentials.StaticProvider;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Response;

/**
 * Where the keys of the store come from: the settings; else, as programs on AWS look for them, the
 * environment, a web identity, the container or the instance.
 *
 * @param provider gives the keys of this moment
 * @param region that goes with them; empty: the server says it
 * @param named what they are, for messages
 */
record StoreKeys(Provider provider, Optional<String> region, String named) {

  private static final String ACCESS_KEY = "atelier.s3.access-key";
  private static final String SECRET_KEY = "atelier.s3.secret-key";
  private static final String AWS_ACCESS_KEY = "AWS_ACCESS_KEY_ID";
  private static final String AWS_SECRET_KEY = "AWS_SECRET_ACCESS_KEY";
  private static final String TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE";
  private static final String CONTAINER_PATH = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
  private static final String CONTAINER_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

  private static final Duration CONNECT =
      Duration.ofMillis(1500); // an instance asks twice, and its worker waits 4 s
  private static final Duration ANSWER = Duration.ofSeconds(10);
  private static final Set<Integer> PASSING = Set.of(408, 429); // of a client's faults
  private static final int SAID = 10_000; // bytes of an answer that are read for its reason
  private static final Pattern CODE = Pattern.compile("<Code>([^<]{1,100})</Code>");
  private static final Pattern MESSAGE = Pattern.compile("<Message>([^<]{1,300})</Message>");

  /**
   * Finds out where keys come from; nobody is asked for them yet.
   *
   * @throws IllegalArgumentException if one key of a pair is set alone
   */
  static StoreKeys of(
      StoreSettings settings,
      Map<String, String> environment,
      OkHttpClient transport,
      Clock clock) {
    if (pair(ACCESS_KEY, settings.accessKey(), SECRET_KEY, settings.secretKey())) {
      return new StoreKeys(
          new StaticProvider(
              settings.accessKey().orElseThrow(), settings.secretKey().orElseThrow(), null),
          settings.region(),
          "atelier.s3.access-key, secret-key");
    }
    Environment variables = new Environment(environment, settings.region());
    Optional<String> region = variables.value("AWS_REGION");
    if (pair(
        AWS_ACCESS_KEY,
        variables.value(AWS_ACCESS_KEY),
        AWS_SECRET_KEY,
        variables.value(AWS_SECRET_KEY))) {
      return new StoreKeys(
          new AwsEnvironmentProvider() {
            @Override
            protected String getProperty(String name) {
              return variables.value(name).orElse(null);
            }
          },
          region,
          AWS_ACCESS_KEY + ", " + AWS_SECRET_KEY);
    }
    String named;
    Optional<String> address;
    Optional<String> tokenFile = variables.value(TOKEN_FILE);
    if (tokenFile.isPresent()) {
      named = "the web identity in '%s' (%s)".formatted(tokenFile.get(), TOKEN_FILE);
      address = variables.value("AWS_ENDPOINT_URL_STS");
    } else if (variables.value(CONTAINER_PATH).isPresent()) {
      named = "the container's role (%s)".formatted(CONTAINER_PATH);
      address = Optional.empty();
    } else if (variables.value(CONTAINER_URI).isPresent()) {
      named = "the container's role (%s)".formatted(CONTAINER_URI);
      address = Optional.empty();
    } else {
      named = "the instance's role, as neither %s nor AWS_… are set".formatted(ACCESS_KEY);
      address = variables.value("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    }
    boolean ownServer = tokenFile.isPresent() && address.isPresent(); // of the store, mostly
    OkHttpClient asked = asking(ownServer ? transport : new OkHttpClient());
    return new StoreKeys(
        new RenewedKeys(
            named,
            () ->
                new IamAwsProvider(address.orElse(null), asked) {
                  @Override
                  protected String getProperty(String name) {
                    return variables.value(name).orElse(null);
                  }
                },
            clock),
        region,
        named);
  }

  /** The environment as the client's providers shall see it: without variables that are empty. */
  private record Environment(Map<String, String> variables, Optional<String> region) {

    Optional<String> value(String name) {
      Optional<String> value =
          Optional.ofNullable(variables.get(name)).filter(text -> !text.isBlank());
      return name.equals("AWS_REGION") ? region.or(() -> value) : value;
    }
  }

  /** Whether both are there. */
  private static boolean pair(
      String one, Optional<String> first, String other, Optional<String> second) {
    if (first.isPresent() != second.isPresent()) {
      throw new IllegalArgumentException(
          "%s is set without %s; expected both, or neither where keys come from the environment, a web identity, the container or the instance."
              .formatted(first.isPresent() ? one : other, first.isPresent() ? other : one));
    }
    return first.isPresent();
  }

  /** A transport that soon gives up, and says why it was refused. */
  private static OkHttpClient asking(OkHttpClient transport) {
    return transport
        .newBuilder()
        .protocols(List.of(Protocol.HTTP_1_1))
        .connectTimeout(CONNECT)
        .readTimeout(ANSWER)
        .callTimeout(ANSWER)
        .addInterceptor(StoreKeys::answered)
        .build();
  }

  private static Response answered(Interceptor.Chain chain) throws IOException {
    Response answer = chain.proceed(chain.request());
    int status = answer.code();
    if (status < 400 || status >= 500 || PASSING.contains(status)) {
      return answer;
    }
    try (answer) {
      String said = answer.peekBody(SAID).string();
      throw new KeysRefusedException(
          "%s answers %d%s%s"
              .formatted(
                  answer.request().url().newBuilder().query(null).build(), // which has the token
                  status,
                  first(CODE, said).map(code -> " " + code).orElse(""),
                  first(MESSAGE, said).map(message -> ": " + message).orElse("")));
    }
  }

  private static Optional<String> first(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
  }
}
