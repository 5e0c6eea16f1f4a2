package risk

// Info is a row of the table of risks.
type Info struct {
	ID       string
	Severity Severity
	Title    string
}

// The ids. They never change their meaning, and none is used again.
const (
	hostRoot         = "BX001"
	managerSocket    = "BX002"
	serviceSocket    = "BX003"
	displaySocket    = "BX004"
	agentSocket      = "BX005"
	homeDirectory    = "BX006"
	credentials      = "BX007"
	hostPrograms     = "BX008"
	repository       = "BX009"
	boxfileWritable  = "BX010"
	systemWritable   = "BX011"
	systemSecrets    = "BX012"
	hostProc         = "BX013"
	hostSys          = "BX014"
	rawDevice        = "BX015"
	hostDevice       = "BX016"
	userNamespace    = "BX017"
	pidNamespace     = "BX018"
	networkNamespace = "BX019"
	ipcNamespace     = "BX020"
	utsNamespace     = "BX021"
	cgroupNamespace  = "BX022"
	systemIDs        = "BX023"
	outbound         = "BX024"
	publicPort       = "BX025"
	privilegedPort   = "BX026"
	chroot           = "BX027"
	capSysAdmin      = "BX028"
	capSysPtrace     = "BX029"
	capKernel        = "BX030"
	capNetwork       = "BX031"
	capFiles         = "BX032"
	capOther         = "BX033"
	noFilter         = "BX034"
	weakFilter       = "BX035"
	newPrivileges    = "BX036"
	noMemoryLimit    = "BX037"
	noProcessLimit   = "BX038"
	bestEffort       = "BX039"
	rawCgroup        = "BX040"
	secretWritten    = "BX041"
	secretPassed     = "BX042"
	hidden           = "BX043"
	kept             = "BX044"
	optional         = "BX045"
	joined           = "BX046"
	movable          = "BX047"
)

// table has all ids, in their order. docs/risks.md has a section for each.
var table = [...]Info{
	{hostRoot, High, "the whole file system of the host is in the box"},
	{managerSocket, High, "the socket of a container manager is in the box"},
	{serviceSocket, High, "the socket of a service of the host is in the box"},
	{displaySocket, High, "the host's screen or sound is in the box"},
	{agentSocket, High, "the socket of an agent that holds keys is in the box"},
	{homeDirectory, High, "a home directory is in the box"},
	{credentials, High, "credentials are in the box"},
	{hostPrograms, High, "the box can change what the host runs later"},
	{repository, Medium, "the history of the project is in the box"},
	{boxfileWritable, High, "the box can change its own Boxfile"},
	{systemWritable, High, "the box can change the host's system"},
	{systemSecrets, Medium, "secrets of the host's system are in the box"},
	{hostProc, Medium, "the host's processes are visible"},
	{hostSys, Low, "the host's hardware is visible"},
	{rawDevice, High, "a device that is memory or a disk is in the box"},
	{hostDevice, Medium, "a device of the host is in the box"},
	{userNamespace, High, "the box has the host's users"},
	{pidNamespace, High, "the box has the host's processes"},
	{networkNamespace, High, "the box has the host's network"},
	{ipcNamespace, Medium, "the box has the host's shared memory and queues"},
	{utsNamespace, Low, "the box has the host's name"},
	{cgroupNamespace, Low, "the box sees the host's cgroups"},
	{systemIDs, High, "ids of the box are those of the host's system, or very many"},
	{outbound, Medium, "the box reaches other networks"},
	{publicPort, High, "other machines can connect to a port"},
	{privilegedPort, Low, "a port below 1024 is taken"},
	{chroot, Medium, "the root is entered by chroot"},
	{capSysAdmin, High, "the box has the capability SYS_ADMIN"},
	{capSysPtrace, High, "the box has the capability SYS_PTRACE"},
	{capKernel, High, "the box has capabilities over the machine"},
	{capNetwork, Medium, "the box has capabilities over the network"},
	{capFiles, Medium, "the box has capabilities that pass over the rights of files"},
	{capOther, Low, "the box has capabilities"},
	{noFilter, High, "no filter of system calls"},
	{weakFilter, High, "the filter lets dangerous system calls through"},
	{newPrivileges, High, "programs can gain privileges"},
	{noMemoryLimit, Low, "nothing limits memory"},
	{noProcessLimit, Medium, "nothing limits the number of processes"},
	{bestEffort, Low, "what this machine cannot enforce is left out"},
	{rawCgroup, Low, "a file of the cgroup is written as it is"},
	{secretWritten, High, "a secret is written in the file"},
	{secretPassed, Medium, "a secret of the caller's environment is passed on"},
	{hidden, Medium, "a mount hides something of the plan"},
	{kept, Low, "what the box writes stays for the next one"},
	{optional, Low, "a mount depends on the machine"},
	{joined, Medium, "the box shares a namespace with others"},
	{movable, Medium, "a protected part of a writable mount can be moved away"},
}

// Table returns the table of risks. It must not be changed.
func Table() []Info { return table[:] }

// IDs lists the ids of all risks, in their order.
func IDs() []string {
	out := make([]string, len(table))
	for i, r := range table {
		out[i] = r.ID
	}
	return out
}
