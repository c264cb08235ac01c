package dev.atelier.spec;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/** Whether an address belongs to the public Internet (RFC 6890). */
public final class PublicAddress {

  private PublicAddress() {}

  /** Whether {@code address} is neither of this machine nor of a private or reserved network. */
  public static boolean is(InetAddress address) {
    if (address.isAnyLocalAddress()
        || address.isLoopbackAddress()
        || address.isLinkLocalAddress()
        || address.isSiteLocalAddress()
        || address.isMulticastAddress()) {
      return false;
    }
    byte[] bytes = address.getAddress();
    return address instanceof Inet6Address six ? isPublic6(six, bytes) : isPublic4(bytes);
  }

  private static boolean isPublic4(byte[] b) {
    int first = b[0] & 0xFF;
    int second = b[1] & 0xFF;
    int third = b[2] & 0xFF;
    return first != 0
        && first < 240 // reserved, broadcast
        && !(first == 100 && second >= 64 && second < 128) // carriers' own
        && !(first == 192 && second == 0 && (third == 0 || third == 2)) // protocols, documentation
        && !(first == 198 && (second == 18 || second == 19)) // benchmarks
        && !(first == 198 && second == 51 && third == 100) // documentation
        && !(first == 203 && second == 0 && third == 113); // documentation
  }

  private static boolean isPublic6(Inet6Address address, byte[] b) {
    int first = ((b[0] & 0xFF) << 8) | (b[1] & 0xFF);
    int second = ((b[2] & 0xFF) << 8) | (b[3] & 0xFF);
    if (first == 0x2002) { // 6to4: an IPv4 address follows
      return isPublicEmbedded(b, 2);
    }
    if (address.isIPv4CompatibleAddress() || isNat64(first, second, b)) { // both end with one
      return isPublicEmbedded(b, 12);
    }
    return (first & 0xE000) == 0x2000
        && !(first == 0x2001 && (second < 0x200 || second == 0xDB8)) // protocols, documentation
        && !(first == 0x3FFF && second < 0x1000); // documentation
  }

  /** Of the prefix that is everybody's; networks have others of their own (RFC 8215). */
  private static boolean isNat64(int first, int second, byte[] b) {
    return first == 0x64 && second == 0xFF9B && Arrays.equals(b, 4, 12, new byte[8], 0, 8);
  }

  private static boolean isPublicEmbedded(byte[] b, int from) {
    try {
      return is(InetAddress.getByAddress(Arrays.copyOfRange(b, from, from + 4)));
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e); // four bytes are an address
    }
  }
}
