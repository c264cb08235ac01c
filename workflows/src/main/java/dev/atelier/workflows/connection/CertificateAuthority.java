package dev.atelier.workflows.connection;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.Collection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Certificates of one's own that sign those of servers, in place of the ones that Java trusts. */
public final class CertificateAuthority {

  private final X509TrustManager trustManager;

  private CertificateAuthority(X509TrustManager trustManager) {
    this.trustManager = trustManager;
  }

  /**
   * Reads certificates from a PEM file.
   *
   * @param setting that names the file, for messages
   * @throws IllegalArgumentException if the file cannot be read or holds no certificate
   */
  public static CertificateAuthority read(String setting, Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      Collection<? extends Certificate> certificates =
          CertificateFactory.getInstance("X.509").generateCertificates(in);
      if (certificates.isEmpty()) {
        throw new IllegalArgumentException(
            "%s names '%s', which holds no certificate; expected PEM.".formatted(setting, file));
      }
      KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
      trusted.load(null, null);
      int number = 0;
      for (Certificate certificate : certificates) {
        trusted.setCertificateEntry("ca-" + number++, certificate);
      }
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(trusted);
      return new CertificateAuthority(
          Arrays.stream(factory.getTrustManagers())
              .filter(X509TrustManager.class::isInstance)
              .map(X509TrustManager.class::cast)
              .findFirst()
              .orElseThrow());
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalArgumentException(
          "%s names '%s', which cannot be read as certificates (PEM): %s"
              .formatted(setting, file, e.getMessage()),
          e);
    }
  }

  /** Trusts these certificates and no others. */
  public X509TrustManager trustManager() {
    return trustManager;
  }

  /** Makes sockets that trust these certificates and no others. */
  public SSLSocketFactory socketFactory() {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {trustManager}, null);
      return context.getSocketFactory();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("This Java has no TLS.", e);
    }
  }
}
