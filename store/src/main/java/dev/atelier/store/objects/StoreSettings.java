package dev.atelier.store.objects;

import java.util.Optional;
import javax.net.ssl.X509TrustManager;

/**
 * How an object store is reached.
 *
 * @param endpoint base URL of an S3 server
 * @param publicEndpoint the same server as users reach it; empty: no links are given
 * @param bucket that holds every object
 * @param region that requests are signed for; empty: {@code AWS_REGION} where no keys are set, else
 *     what the server says
 * @param accessKey empty, as the secret key: keys come from the environment, a web identity, the
 *     container or the instance
 * @param secretKey goes with the access key
 * @param trust of the server's certificate; empty: of those that Java trusts
 */
public record StoreSettings(
    String endpoint,
    Optional<String> publicEndpoint,
    String bucket,
    Optional<String> region,
    Optional<String> accessKey,
    Optional<String> secretKey,
    Optional<X509TrustManager> trust) {

  /** Without links, and with the server's own region. */
  public static StoreSettings of(
      String endpoint, String accessKey, String secretKey, String bucket) {
    return new StoreSettings(
        endpoint,
        Optional.empty(),
        bucket,
        Optional.empty(),
        Optional.of(accessKey),
        Optional.of(secretKey),
        Optional.empty());
  }

  @Override
  public String toString() { // without the keys
    return "StoreSettings[endpoint=%s, bucket=%s]".formatted(endpoint, bucket);
  }
}
