package dev.atelier.workflows.connection;

import io.temporal.authorization.AuthorizationGrpcMetadataProvider;
import io.temporal.serviceclient.SimpleSslContextBuilder;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import javax.net.ssl.SSLException;

/**
 * How a program reaches Temporal's front end: in plain text, over TLS, over TLS with a certificate
 * of its own (mTLS), or with an API key over TLS.
 *
 * @param target host:port
 * @param tls whether to use TLS where no file below asks for it, as with an API key alone
 * @param caFile certificates (PEM) that sign the server's; absent: those that Java trusts
 * @param certificateFile this program's own certificate chain (PEM)
 * @param keyFile the key of that certificate (PEM, PKCS#8)
 * @param serverName the name that the server's certificate must have; absent: the target's host
 * @param apiKey sent with each call
 */
public record TemporalConnection(
    String target,
    boolean tls,
    Optional<Path> caFile,
    Optional<Path> certificateFile,
    Optional<Path> keyFile,
    Optional<String> serverName,
    Optional<String> apiKey) {

  /**
   * Checks the settings against each other.
   *
   * @throws IllegalArgumentException naming the setting that is missing or unreadable
   */
  public TemporalConnection {
    if (certificateFile.isPresent() != keyFile.isPresent()) {
      throw new IllegalArgumentException(
          "atelier.temporal.%s is missing: a certificate and its key are set together."
              .formatted(certificateFile.isPresent() ? "key-file" : "certificate-file"));
    }
    tls = tls || caFile.isPresent() || certificateFile.isPresent();
    if (apiKey.isPresent() && !tls) {
      throw new IllegalArgumentException(
          "atelier.temporal.tls must be true where atelier.temporal.api-key is set: the key would be sent in plain text.");
    }
    if (serverName.isPresent() && !tls) {
      throw new IllegalArgumentException(
          "atelier.temporal.tls must be true where atelier.temporal.server-name is set.");
    }
  }

  /** Never the key. */
  @Override
  public String toString() {
    return "Temporal at %s%s".formatted(target, tls ? " over TLS" : "");
  }

  /** Options of a client that is connected this way. */
  public WorkflowServiceStubsOptions.Builder stubsOptions() {
    WorkflowServiceStubsOptions.Builder options =
        WorkflowServiceStubsOptions.newBuilder().setTarget(target);
    if (tls) {
      setTls(options);
    }
    apiKey.ifPresent(
        key ->
            options.addGrpcMetadataProvider(
                new AuthorizationGrpcMetadataProvider(() -> "Bearer " + key)));
    return options;
  }

  private void setTls(WorkflowServiceStubsOptions.Builder options) {
    try (InputStream certificate = open("certificate-file", certificateFile);
        InputStream key = open("key-file", keyFile)) {
      SimpleSslContextBuilder context =
          certificateFile.isPresent()
              ? SimpleSslContextBuilder.forPKCS8(certificate, key)
              : SimpleSslContextBuilder.noKeyOrCertChain();
      if (caFile.isPresent()) {
        context.setTrustManager(
            CertificateAuthority.read("atelier.temporal.ca-file", caFile.get()).trustManager());
      }
      options.setSslContext(context.build());
    } catch (SSLException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "Cannot use the TLS files of Temporal (ca-file %s, certificate-file %s, key-file %s): %s"
              .formatted(shown(caFile), shown(certificateFile), shown(keyFile), e.getMessage()),
          e);
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "Cannot read a TLS file of Temporal: %s.".formatted(e.getMessage()), e);
    }
    serverName.ifPresent(
        name -> options.setChannelInitializer(channel -> channel.overrideAuthority(name)));
  }

  private static InputStream open(String setting, Optional<Path> file) throws IOException {
    if (file.isEmpty()) {
      return InputStream.nullInputStream();
    }
    if (!Files.isReadable(file.get())) {
      throw new IOException(
          "atelier.temporal.%s names '%s', which cannot be read".formatted(setting, file.get()));
    }
    return Files.newInputStream(file.get());
  }

  private static String shown(Optional<Path> file) {
    return file.map(Path::toString).orElse("none");
  }
}
