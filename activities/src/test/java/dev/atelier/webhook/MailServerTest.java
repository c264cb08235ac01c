package dev.atelier.webhook;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.webhook.MailServer.Login;
import dev.atelier.webhook.MailServer.Security;
import dev.atelier.workflows.connection.CertificateAuthority;
import jakarta.mail.Session;
import jakarta.mail.internet.MimeMessage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.subethamail.smtp.MessageContext;
import org.subethamail.smtp.RejectException;
import org.subethamail.smtp.auth.EasyAuthenticationHandlerFactory;
import org.subethamail.smtp.auth.LoginFailedException;
import org.subethamail.smtp.helper.SimpleMessageListener;
import org.subethamail.smtp.server.SMTPServer;

/** Mails to a real SMTP server: what it gets, and what becomes of what it refuses. */
@Timeout(120)
class MailServerTest {

  private static final String FROM = "Atelier <atelier@example.org>";
  private static final String TO = "ada@example.org";
  private static final String STAGE =
      """
      {"type": "experiment.stage", "timestamp": "2026-12-01T06:00:00.000000Z", "data":
       {"experiment": "20261201-060000-abcd", "name": %s, "project": "vision", "stage": "DONE"}}
      """;

  private static HandshakeCertificates certificates;
  private static CertificateAuthority authority;
  private static CertificateAuthority anotherAuthority;

  private final List<Received> received = new CopyOnWriteArrayList<>();
  private SMTPServer server;

  private record Received(String from, String to, String text) {

    MimeMessage mail() throws Exception {
      return new MimeMessage(
          Session.getInstance(new Properties()),
          new ByteArrayInputStream(text.getBytes(ISO_8859_1)));
    }
  }

  @BeforeAll
  static void certify(@TempDir Path folder) throws IOException {
    HeldCertificate ca = new HeldCertificate.Builder().certificateAuthority(0).build();
    certificates =
        new HandshakeCertificates.Builder()
            .heldCertificate(
                new HeldCertificate.Builder()
                    .signedBy(ca)
                    .addSubjectAlternativeName("localhost")
                    .build())
            .build();
    authority = authority(folder.resolve("ca.pem"), ca);
    anotherAuthority =
        authority(
            folder.resolve("another.pem"),
            new HeldCertificate.Builder().certificateAuthority(0).build());
  }

  private static CertificateAuthority authority(Path file, HeldCertificate ca) throws IOException {
    Files.writeString(file, ca.certificatePem());
    return CertificateAuthority.read("ca", file);
  }

  @AfterEach
  void stop() {
    if (server != null) {
      server.stop();
    }
  }

  @Test
  void shouldSendNameAndStateAsPlainTextWithALink() throws Exception {
    start(smtp().messageHandler(this::keep));

    assertThat(send(plain(), notice("first"))).isEqualTo(new Outcome.Delivered(250));

    MimeMessage mail = received.get(0).mail();
    assertThat(mail.getSubject()).isEqualTo("first: DONE");
    assertThat(mail.getFrom()).singleElement().asString().isEqualTo(FROM);
    assertThat(mail.getMessageID()).isEqualTo("<wh-1-7@example.org>");
    assertThat(mail.getHeader("Auto-Submitted")).containsExactly("auto-generated");
    assertThat(mail.getContentType()).startsWith("text/plain; charset=UTF-8");
    assertThat((String) mail.getContent())
        .contains("first: DONE", "project vision")
        .contains("https://atelier.example.org/#/experiments/20261201-060000-abcd");
    assertThat(received.get(0).from()).isEqualTo("atelier@example.org");
    assertThat(received.get(0).to()).isEqualTo(TO);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a\\r\\nBcc: eve@example.org\\r\\n\\r\\nanother body",
        "a\\nBcc: eve@example.org",
        "a\\rBcc: eve@example.org",
        "é\\r\\nBcc: eve@example.org",
        "a\\u0085Bcc: eve@example.org\\u2028Bcc: eve@example.org"
      })
  void shouldMakeNoHeaderOfANameWithLines(String name) throws Exception {
    start(smtp().messageHandler(this::keep));

    send(plain(), notice(name));

    MimeMessage mail = received.get(0).mail();
    assertThat(mail.getHeader("Bcc")).isNull();
    assertThat(mail.getSubject()).contains("Bcc: eve@example.org").endsWith(": DONE");
    assertThat(mail.getSubject()).doesNotContainPattern("[\\r\\n\\u0085\\u2028]");
    assertThat(received).hasSize(1);
    assertThat(received.get(0).to()).isEqualTo(TO);
  }

  @Test
  void shouldHaveWhatALineInAHeaderWouldDo() throws Exception { // control of the test above
    MimeMessage mail = new MimeMessage(Session.getInstance(new Properties()));
    mail.setHeader("Subject", "a\r\nBcc: eve@example.org");
    mail.setText("");
    var bytes = new ByteArrayOutputStream();
    mail.writeTo(bytes);
    assertThat(new Received("", "", bytes.toString(ISO_8859_1)).mail().getHeader("Bcc"))
        .containsExactly("eve@example.org");
  }

  @ParameterizedTest
  @ValueSource(strings = {"Größe 512", "蒸留", "🎨 palette", "first"})
  void shouldEncodeWhatIsNotAscii(String name) throws Exception {
    start(smtp().messageHandler(this::keep));

    send(plain(), notice(name));

    MimeMessage mail = received.get(0).mail();
    assertThat(mail.getSubject()).isEqualTo(name + ": DONE");
    assertThat((String) mail.getContent()).startsWith(name + ": DONE");
    for (var header : Collections.list(mail.getAllHeaders())) {
      assertThat(header.getValue()).matches("\\p{ASCII}*");
    }
  }

  @Test
  void shouldLogInOverStartTlsAndOverTls() throws Exception {
    start(
        smtp()
            .messageHandler(this::keep)
            .startTlsSocketFactory(certificates.sslContext())
            .requireTLS()
            .authenticationHandlerFactory(login())
            .requireAuth());
    MailServer startTls = secured(Security.STARTTLS, authority, "secret");
    assertThat(send(startTls, notice("first"))).isEqualTo(new Outcome.Delivered(250));
    server.stop();

    start(
        smtp()
            .messageHandler(this::keep)
            .serverSocketFactory(certificates.sslContext())
            .authenticationHandlerFactory(login())
            .requireAuth());
    MailServer tls = secured(Security.TLS, authority, "secret");
    assertThat(send(tls, notice("first"))).isEqualTo(new Outcome.Delivered(250));
    assertThat(received).hasSize(2);
  }

  @Test
  void shouldTryAgainLaterWhenItIsNotLetIn() throws Exception {
    start(
        smtp()
            .messageHandler(this::keep)
            .startTlsSocketFactory(certificates.sslContext())
            .requireTLS()
            .authenticationHandlerFactory(login())
            .requireAuth());
    assertThat(send(secured(Security.STARTTLS, authority, "wrong"), notice("first")))
        .isEqualTo(
            new Outcome.Failed(
                Optional.empty(), "localhost refused the user of atelier.mail.user."));
    assertThat(send(secured(Security.STARTTLS, anotherAuthority, "secret"), notice("first")))
        .as("a certificate of somebody else's")
        .isInstanceOf(Outcome.Failed.class);
    assertThat(received).isEmpty();
  }

  @Test
  void shouldSendNothingToAServerThatHasNoTlsUnlessThatIsMeant() throws Exception {
    start(smtp().messageHandler(this::keep));
    MailServer startTls =
        new MailServer(
            "localhost",
            server.getPortAllocated(),
            Security.STARTTLS,
            Optional.empty(),
            Optional.empty(),
            FROM);
    assertThat(send(startTls, notice("first"))).isInstanceOf(Outcome.Failed.class);
    assertThat(received).isEmpty();

    assertThat(send(plain(), notice("first"))).isInstanceOf(Outcome.Delivered.class);
  }

  @Test
  void shouldGiveUpWhenTheRecipientIsRefusedForGood() throws Exception {
    start(
        smtp()
            .simpleMessageListener(
                new SimpleMessageListener() {
                  @Override
                  public boolean accept(String from, String recipient) {
                    return false;
                  }

                  @Override
                  public void deliver(String from, String to, InputStream data) {
                    throw new AssertionError("It was refused.");
                  }
                }));

    Outcome outcome = send(plain(), notice("first"));

    assertThat(outcome)
        .isEqualTo(new Outcome.Refused(Optional.of(553), "localhost answered 553: expected 250."));
    assertThat(outcome.toString()).doesNotContain(TO); // histories of workflows have it
  }

  @ParameterizedTest
  @CsvSource({"451, Failed", "452, Failed", "552, Refused", "554, Refused"})
  void shouldTakeTheServersWordForWhetherToTryAgain(int code, String outcome) {
    start(
        smtp()
            .messageHandler(
                (context, from, to, data) -> {
                  throw new RejectException(code, "No, " + to);
                }));

    Outcome found = send(plain(), notice("first"));

    assertThat(found.getClass().getSimpleName()).isEqualTo(outcome);
    assertThat(found.toString()).contains("answered " + code).doesNotContain(TO);
  }

  @Test
  void shouldTryAgainLaterWhenNobodyListens() {
    start(smtp().messageHandler(this::keep));
    MailServer mails = plain();
    server.stop();
    assertThat(send(mails, notice("first")))
        .isInstanceOfSatisfying(
            Outcome.Failed.class,
            failed -> assertThat(failed.reason()).startsWith("localhost could not be reached: "));
  }

  @Test
  void shouldRefuseASenderThatIsNoAddress() {
    assertThatThrownBy(
            () ->
                new MailServer(
                    "localhost", 25, Security.NONE, Optional.empty(), Optional.empty(), "nobody@"))
        .hasMessage(
            "atelier.mail.from has 'nobody@'; expected an address, such as atelier@example.org.");
  }

  private static SMTPServer.Builder smtp() {
    return SMTPServer.port(0).bindAddress(InetAddress.getLoopbackAddress()).hostName("localhost");
  }

  private void start(SMTPServer.Builder builder) {
    server = builder.build();
    server.start();
  }

  private void keep(MessageContext context, String from, String to, byte[] data) {
    received.add(new Received(from, to, new String(data, ISO_8859_1)));
  }

  private static EasyAuthenticationHandlerFactory login() {
    return new EasyAuthenticationHandlerFactory(
        (user, password, context) -> {
          if (!user.equals("atelier") || !password.equals("secret")) {
            throw new LoginFailedException();
          }
        });
  }

  private MailServer plain() {
    return new MailServer(
        "localhost",
        server.getPortAllocated(),
        Security.NONE,
        Optional.empty(),
        Optional.empty(),
        FROM);
  }

  private MailServer secured(Security security, CertificateAuthority ca, String password) {
    return new MailServer(
        "localhost",
        server.getPortAllocated(),
        security,
        Optional.of(ca),
        Optional.of(new Login("atelier", password)),
        FROM);
  }

  private static Outcome send(MailServer server, Notice notice) {
    return server.send("wh-1-7", TO, notice);
  }

  private static Notice notice(String name) {
    return Notice.of(
        STAGE.formatted("\"" + name + "\""),
        Optional.of(URI.create("https://atelier.example.org/")));
  }
}
