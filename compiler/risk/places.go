package risk

import "strings"

// Places on the host, as patterns (see fits). They are constant: nothing is made at start.

// sockets are where services of the host listen. Who can connect to one of them can
// have done what the service may do, however the mount is marked.
var sockets = [...]struct {
	id    string
	paths []string
}{
	{managerSocket, []string{"/run/docker.sock", "/run/docker", "/run/podman", "/run/user/*/podman", "/run/user/*/docker.sock", "/run/containerd", "/run/k3s", "/run/crio",
		"/run/buildkit", "/run/user/*/buildkit", "/run/cri-dockerd.sock", "/run/balena-engine.sock", "/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket", "/var/lib/incus/unix.socket", "/run/incus"}},
	{serviceSocket, []string{"/run/dbus", "/run/user/*/bus", "/run/user/*/systemd", "/run/user/*/at-spi", "/run/systemd", "/run/initctl", "/run/udev", "/run/libvirt", "/run/user/*/libvirt", "/run/snapd.socket",
		"/run/snapd-snap.socket", "/run/acpid.socket", "/run/NetworkManager", "/run/pcscd", "/run/uuidd", "/run/lvm"}},
	{displaySocket, []string{"/tmp/.X11-unix", "/tmp/.ICE-unix", "/run/user/*/wayland-*", "/run/user/*/pipewire-*", "/run/user/*/pulse", "/run/user/*/X11-display", "/run/user/*/.mutter-*"}},
	{agentSocket, []string{"/tmp/ssh-*", "/run/user/*/gnupg", "/run/user/*/keyring", "/run/user/*/ssh-agent*", "/run/user/*/openssh_agent", "/run/user/*/gcr", "/run/user/*/p11-kit"}},
}

// socketNames are sockets whatever folder they are in.
var socketNames = [...]struct{ id, name string }{
	{managerSocket, "docker.sock"}, {managerSocket, "podman.sock"}, {managerSocket, "containerd.sock"}, {managerSocket, "crio.sock"}, {managerSocket, "buildkitd.sock"},
	{serviceSocket, "system_bus_socket"}, {serviceSocket, "libvirt-sock"}, {agentSocket, "S.gpg-agent*"}, {agentSocket, "ssh-agent.sock"},
}

// keyPlaces hold keys, tokens and passwords of people, in whatever folder they are.
var keyPlaces = [...]string{".ssh", ".gnupg", ".aws", ".kube", ".azure", ".config/gcloud", ".config/gh", ".config/hub", ".config/op", ".config/rclone", ".docker", ".netrc", ".npmrc", ".pypirc", ".pgpass", ".my.cnf",
	".git-credentials", ".vault-token", ".password-store", ".cargo/credentials*", ".gem/credentials", ".m2/settings.xml", ".terraform.d", ".config/containers/auth.json", ".local/share/keyrings", ".mozilla", ".thunderbird",
	".config/google-chrome", ".config/chromium", ".bash_history", ".zsh_history", ".env", ".env.local", ".env.production", "id_rsa", "id_ed25519", "id_ecdsa", "kubeconfig"}

// startPlaces are what shells, editors, desktops and git on the host run sooner or later.
var startPlaces = [...]string{".git", ".githooks", ".husky", ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".config/fish", ".config/autostart",
	".config/systemd", ".config/environment.d", ".config/git", ".gitconfig", ".local/bin", ".local/share/applications", ".vimrc", ".config/nvim", ".vscode", ".vscode-server", ".idea", ".envrc", ".direnv", ".xinitrc", ".xprofile", ".pam_environment", ".ssh"}

// homes are directories of people.
var homes = [...]string{"/root", "/home", "/home/*", "/Users", "/Users/*"}

// systemPlaces make up the host's system: it runs or obeys what is there.
var systemPlaces = [...]string{"/etc", "/usr", "/boot", "/efi", "/dev", "/proc", "/sys", "/opt", "/snap", "/nix", "/var/lib/dpkg", "/var/lib/rpm", "/var/lib/systemd", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet",
	"/var/lib/libvirt", "/var/lib/snapd", "/var/lib/cloud", "/var/lib/AccountsService", "/var/lib/pam", "/var/spool/cron", "/var/spool/at", "/run/systemd", "/run/udev", "/run/netns"}

// secretPlaces are secrets of the system: hashes of passwords, keys, the files of other containers.
var secretPlaces = [...]string{"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssl/private", "/etc/pki/tls/private", "/etc/ssh", "/etc/kubernetes", "/etc/rancher", "/etc/letsencrypt", "/etc/wireguard", "/etc/krb5.keytab",
	"/etc/NetworkManager/system-connections", "/run/secrets", "/run/credentials", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet", "/var/lib/rancher", "/var/lib/NetworkManager", "/var/lib/sss", "/var/lib/private",
	"/var/lib/cloud", "/var/spool/cron", "/var/log/audit", "/var/backups", "/boot/grub"}

// Names of devices that are the machine's memory or ports, directories of disks or of links
// to any device, and beginnings of disks' names, by what follows: a letter or a number.
var (
	rawNames   = [...]string{"mem", "kmem", "port", "mapper", "disk", "block", "vfio", "mtd*", "cpu", "iommu", "bsg", "hpet", "nvram", "zvol", "char"}
	rawLetters = [...]string{"sd", "hd", "vd", "xvd", "ubd", "dasd"}
	rawNumbers = [...]string{"nvme", "mmcblk", "dm-", "md", "loop", "nbd", "ram", "zram", "sr", "st", "sg", "pmem", "zd", "rbd", "raw", "bcache", "drbd", "ng"}
)

// harmless are devices that every box has anyway.
var harmless = [...]string{"null", "zero", "full", "random", "urandom", "tty"}

// isRaw reports whether a path below /dev is the machine's memory or a disk.
func isRaw(device string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(device, "/dev/"), "/")
	for _, n := range rawNames {
		if fits(name, n) {
			return true
		}
	}
	follows := func(begin string, from, to byte) bool {
		rest, ok := strings.CutPrefix(name, begin)
		return ok && rest != "" && rest[0] >= from && rest[0] <= to
	}
	for _, b := range rawLetters {
		if follows(b, 'a', 'z') {
			return true
		}
	}
	for _, b := range rawNumbers {
		if follows(b, '0', '9') {
			return true
		}
	}
	return false
}
